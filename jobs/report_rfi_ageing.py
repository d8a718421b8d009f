"""Which RFIs wait for an answer, how long, and with whom."""

from sync_worker.job import ReportJob, sql_next_to

JOB = ReportJob(
    title="RFI ageing",
    noun="RFI",
    streams=("rfis",),
    sql=sql_next_to(__file__),
    # Mondays at six, before the week's meetings.
    schedule="0 6 * * 1",
)
