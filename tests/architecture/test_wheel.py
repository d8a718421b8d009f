from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_wheel_carries_the_shipped_jobs_and_every_file_of_the_package(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        carried = {name for name in archive.namelist() if ".dist-info/" not in name}
    folders = (ROOT / "sync_worker", ROOT / "procore_simulator")
    package = {str(path.relative_to(ROOT)) for folder in folders for path in source_files(folder)}
    jobs = {f"sync_worker/shipped_jobs/{path.relative_to(ROOT / 'jobs')}" for path in source_files(ROOT / "jobs")}
    assert carried == package | jobs
    assert jobs


def source_files(folder: Path) -> list[Path]:
    """Files below a folder, without compiled ones."""
    return [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
