from __future__ import annotations

import pytest

from sync_worker.catalog import STREAMS
from sync_worker.catalog.paths import DocumentationStatus, documentation_status
from sync_worker.catalog.spec import RecycleBin


def test_all_that_the_shipped_streams_ask_for_is_documented() -> None:
    bins = {spec.deletes.path for spec in STREAMS.values() if isinstance(spec.deletes, RecycleBin)} - {None}
    asked = {spec.path for spec in STREAMS.values()} | bins
    others = {path for path in asked if path and documentation_status(path) is not DocumentationStatus.DOCUMENTED}
    deprecated = STREAMS["standard_cost_code_lists"].path
    assert others == {deprecated}, "if Procore documents it, add it to sync_worker/catalog/documented_paths.txt"


@pytest.mark.parametrize(
    ("path", "standing"),
    [
        ("/rest/v1.0/projects/{project_id}/rfis", DocumentationStatus.DOCUMENTED),
        ("/rest/v1.0/projects/562949953421312/rfis", DocumentationStatus.DOCUMENTED),
        ("/rest/v1.0/budget_views/{id}/detail_rows", DocumentationStatus.DOCUMENTED),
        ("/rest/v1.3/users", DocumentationStatus.DEPRECATED),
        ("/rest/v1.0/projects/{project_id}/weather_logs", DocumentationStatus.DEPRECATED),
        ("/rest/v1.0/projects/{project_id}/weather_logs/conditions", DocumentationStatus.DEPRECATED),
        ("/rest/v1.0/projects/{project_id}", DocumentationStatus.UNDOCUMENTED),
        ("/rest/v1.0", DocumentationStatus.UNDOCUMENTED),
        ("/rest/v1.0/projects/{project_id}/cranes", DocumentationStatus.UNDOCUMENTED),
    ],
)
def test_a_path_is_told_by_its_steps_whatever_its_ids(path: str, standing: DocumentationStatus) -> None:
    assert documentation_status(path) is standing
