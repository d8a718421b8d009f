"""Which RFIs wait for an answer, how long, and with whom."""

from sync_worker.job import ReportJob, sql_next_to
from sync_worker.reports.ageing_report import ageing_report
from sync_worker.reports.data import ReportData
from sync_worker.reports.document import Document


def build(data: ReportData) -> Document:
    """Report on RFIs as on everything that waits."""
    return ageing_report(data, noun="RFI", sql=sql_next_to(__file__))


JOB = ReportJob(
    title="RFI ageing",
    streams=("rfis",),
    # Mondays at six, before the week's meetings.
    schedule="0 6 * * 1",
    build=build,
)
