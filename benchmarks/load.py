"""CPU, memory and time of `sync-worker run` into SQLite, compared with the floor: GET and parse of the same pages.

The phases are measured in turn in each round, so that other load on the machine affects all of them alike.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any, NamedTuple, Self

from benchmarks.checksum import STREAM, fingerprint
from benchmarks.measure import Cost, measured

CHANGED_SHARE = 0.02
FLOOR, START_UP, FLOOR_START_UP = "floor", "start-up", "floor start-up"
TARGETS: Mapping[str, float] = {
    "first load": 1.8,
    "2% changed": 1.2,
    "nothing changed": 1.1,
}
_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "first load": (),
    "2% changed": ("--full-refresh",),
    "nothing changed": ("--full-refresh",),
    "incremental": (),
}


class Server:
    """The simulator in its own process."""

    def __init__(self, options: argparse.Namespace, records: int) -> None:
        arguments = {
            "--records": records,
            "--per-page": options.per_page,
            "--projects": options.connections,
            "--latency-ms": options.latency_ms,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.server", *(str(word) for pair in arguments.items() for word in pair)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.access = self._answer()

    def request(self, line: str) -> dict[str, Any]:
        """Send a line and read the answer."""
        print(line, file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        if self._process.stdout is None:
            raise RuntimeError("the server has no pipe")
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()


class Phase(NamedTuple):
    """The costs of a phase in every round."""

    name: str
    costs: Sequence[Cost]

    def middle(self, part: str) -> float:
        """Return the median of one part of the costs."""
        return median(float(getattr(cost, part)) for cost in self.costs)

    def spread(self) -> tuple[float, float, float]:
        """Return CPU seconds: minimum, median, maximum."""
        seconds = [cost.cpu_seconds for cost in self.costs]
        return min(seconds), median(seconds), max(seconds)


def main() -> None:
    """Measure and print."""
    options = _options()
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as scratch,
        Server(options, options.records) as full,
        Server(options, 0) as empty,
    ):
        options.scratch = Path(scratch)
        costs: dict[str, list[Cost]] = {}
        list(_round(options, empty, empty, records=0))  # compiles the modules
        for number in range(options.rounds):
            for name, cost in _round(options, full, empty, records=options.records):
                costs.setdefault(name, []).append(cost)
                print(f"round {number + 1}: {name} {cost.cpu_seconds:.2f} s CPU", file=sys.stderr, flush=True)
        pages = len(full.access["pages"])
    phases = {name: Phase(name, found) for name, found in costs.items()}
    if options.json:
        print(json.dumps(_as_json(options, pages, phases), indent=2))
    else:
        print("\n".join(_as_table(options, pages, phases)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--per-page", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency-ms", type=float, default=0.0, help="before every answer of the API")
    parser.add_argument("--connections", type=int, default=1, help="as many projects, read at the same time")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser.parse_args()


def _round(options: argparse.Namespace, full: Server, empty: Server, *, records: int) -> Iterator[tuple[str, Cost]]:
    yield FLOOR_START_UP, _floor(options, empty.access, 0)
    with _folder(options, empty) as folder:
        yield START_UP, _sync(options, folder, ())
    yield FLOOR, _floor(options, full.access, records)
    with _folder(options, full) as folder:
        for name, way in _OPTIONS.items():
            if name == "2% changed":
                full.request(str(CHANGED_SHARE))
            yield name, _sync(options, folder, way)
            _check(folder, full)


def _floor(options: argparse.Namespace, access: Mapping[str, Any], records: int) -> Cost:
    job = {name: access[name] for name in ("headers", "pages")} | {"connections": options.connections}
    command = [sys.executable, "-m", "benchmarks.floor"]
    cost, said = measured(command, stdin=json.dumps(job).encode(), bytecode=options.scratch / "bytecode")
    if int(said) != records:
        raise RuntimeError(f"the floor read {said.strip()} records of {records}")
    return cost


@contextmanager
def _folder(options: argparse.Namespace, server: Server) -> Iterator[Path]:
    """Yield a folder with a `config.yaml` for this server and no database."""
    folder = Path(tempfile.mkdtemp(dir=options.scratch))
    access = server.access
    settings = {
        "procore": {
            "environment": "custom",
            "login_url": access["url"],
            "api_url": access["url"],
            "client_id": access["client_id"],
            "client_secret": access["client_secret"],
            "companies": [access["company_id"]],
            "projects": {"inactive": True},
        },
        "limits": {"max_concurrency": options.connections},
        # With a lookback the incremental run would read again what the benchmark has just changed.
        "streams": {STREAM: {"per_page": options.per_page, "lookback": 0}},
    }
    (folder / "config.yaml").write_text(json.dumps(settings))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _sync(options: argparse.Namespace, folder: Path, way: Sequence[str]) -> Cost:
    command = [sys.executable, "-m", "sync_worker", "run", "--streams", STREAM, "--json", *way]
    return measured(command, cwd=folder, bytecode=options.scratch / "bytecode")[0]


def _check(folder: Path, server: Server) -> None:
    """Raise RuntimeError if the run has lost or altered a row."""
    connection = sqlite3.connect(folder / "data" / "procore.db")
    rows = connection.execute(f'SELECT id, updated_at FROM "{STREAM}" WHERE _deleted_at IS NULL')  # noqa: S608
    found = fingerprint(rows)
    connection.close()
    truth = server.request("truth")
    if found != truth:
        raise RuntimeError(f"the database holds {found}, the server {truth}")


def _ratios(phases: Mapping[str, Phase], phase: Phase) -> tuple[float, float]:
    """Return CPU as a multiple of the floor's, with the start-up of both and without it."""
    own, floor = phase.middle("cpu_seconds"), phases[FLOOR].middle("cpu_seconds")
    own_start, floor_start = (phases[name].middle("cpu_seconds") for name in (START_UP, FLOOR_START_UP))
    if phase.name == FLOOR:
        return 1.0, 1.0
    return own / floor, max(0.0, own - own_start) / (floor - floor_start)


def _as_table(options: argparse.Namespace, pages: int, phases: Mapping[str, Phase]) -> Iterator[str]:
    yield (
        f"{options.records:,} records in {pages:,} pages, {options.rounds} rounds, {options.connections} connections, "
        f"{options.latency_ms:g} ms latency; CPU is user + system of the process only, medians"
    )
    yield (
        f"{'':16}{'CPU s':>8}{'min':>8}{'max':>8}{'× floor':>10}{'target':>8}{'× without start-up':>20}"
        f"{'wall s':>8}{'peak MB':>9}"
    )
    for phase in phases.values():
        least, middle, most = phase.spread()
        ratio, bare = _ratios(phases, phase)
        target = TARGETS.get(phase.name)
        compared = "" if phase.name in (START_UP, FLOOR_START_UP) else f"{ratio:.2f}"
        yield (
            f"{phase.name:16}{middle:8.2f}{least:8.2f}{most:8.2f}{compared:>10}{target or '':>8}"
            f"{f'{bare:.2f}' if compared else '':>20}"
            f"{phase.middle('wall_seconds'):8.2f}{phase.middle('peak_mb'):9.0f}"
        )


def _as_json(options: argparse.Namespace, pages: int, phases: Mapping[str, Phase]) -> dict[str, Any]:
    return {
        "options": {name: value for name, value in vars(options).items() if name != "scratch"},
        "pages": pages,
        "phases": {
            name: {
                "costs": [cost._asdict() for cost in phase.costs],
                "times_floor": _ratios(phases, phase)[0],
                "times_floor_without_start_up": _ratios(phases, phase)[1],
                "target": TARGETS.get(name),
            }
            for name, phase in phases.items()
        },
    }


if __name__ == "__main__":
    main()
