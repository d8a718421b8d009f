from __future__ import annotations

import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from procore_simulator.clocks import FIRST_INSTANT
from procore_simulator.server import CLIENT_SECRET
from support.clock import ManualClock, environ_at

COMMAND = [sys.executable, "-m", "sync_worker", "demo", "--dir"]


THE_DAY = ManualClock(FIRST_INSTANT)


def demo(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, str(folder)], env=environ_at(THE_DAY), capture_output=True, text=True, timeout=150, check=False
    )


def port_of(text: str) -> int:
    found = re.search(r"http://127\.0\.0\.1:(\d+)", text)
    assert found
    return int(found[1])


def questions(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each query that is shown, with the lines of the table below it."""
    for sql, answer in re.findall(r"\n((?:  .+\n)+)\n((?:  .+\n)+)", text):
        if sql.lstrip().startswith("SELECT"):
            yield sql, answer.splitlines()[1:]


class Stopped(NamedTuple):
    """A demo that was stopped by Ctrl-C in its first sync."""

    folder: Path
    code: int
    said: str
    errors: str


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Stopped:
    folder = tmp_path_factory.mktemp("demo")
    with subprocess.Popen(
        [*COMMAND, str(folder)], env=environ_at(THE_DAY), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        said = ""
        while "First sync" not in said:
            said += process.stdout.readline()
        process.send_signal(signal.SIGINT)
        return Stopped(folder, process.wait(timeout=60), said, process.stderr.read())


@pytest.fixture(scope="module")
def told(stopped: Stopped) -> tuple[Path, str]:
    """Run the demo again in the folder of a stopped one, with the command that the stopped one named."""
    folder = stopped.folder
    done = demo(folder)
    assert (done.returncode, done.stderr) == (0, "")
    return folder, done.stdout


def test_the_demo_tells_of_three_syncs_of_which_the_last_writes_nothing(told: tuple[Path, str]) -> None:
    _, text = told
    assert re.search(r"First sync: everything\n  synced +[\d,]+ records of \d+ streams", text)
    assert re.search(r"Second sync\n  written +[1-9]\d* rows inserted, [1-9]\d* updated", text)
    assert re.search(r"Third sync, nothing has changed\n  written +0 rows inserted, 0 updated", text)


def test_it_shows_a_project_without_permission_and_an_allowance_that_was_waited_for(told: tuple[Path, str]) -> None:
    _, text = told
    assert re.search(r"not_permitted +[1-9]\d* lists of Data Hall 3 Fit-Out", text)
    waited = re.search(r"waited +(\d+\.\d) s, because Procore answered 429", text)
    assert waited
    assert float(waited[1]) >= 0.9


def test_it_answers_three_questions_with_the_sql_that_is_shown(told: tuple[Path, str]) -> None:
    folder, text = told
    asked = list(questions(text))
    assert len(asked) == 3
    with closing(sqlite3.connect(folder / "procore.db")) as connection:
        for sql, shown in asked:
            rows = connection.execute(sql).fetchall()
            assert rows
            assert [line.split() for line in shown] == [" ".join(map(str, row)).split() for row in rows]


def test_it_says_which_report_to_open_and_that_tells_the_change_since_the_first(told: tuple[Path, str]) -> None:
    folder, text = told
    first, second = re.findall(r"reported +(.+)", text)
    page, workbook = (Path(line.strip()) for line in text.partition("\nOpen\n")[2].splitlines()[2:4])
    assert len(list(folder.glob("reports/rfi_ageing/*/rfi_ageing.html"))) == 2
    assert workbook.read_bytes().startswith(b"PK")
    shown = page.read_text("utf-8")
    assert first.split("RFIs")[0] not in second
    assert second.split(" RFIs")[0] in shown
    assert re.search(r"[▲▼] \d+ (more|fewer) since \d+ \w+", shown)
    assert "Data Hall 3 Fit-Out" in shown.partition("Not in this report")[2]


def test_what_it_says_fits_a_terminal_and_has_no_colours_in_a_file(told: tuple[Path, str]) -> None:
    folder, text = told
    assert "\x1b" not in text
    assert max(map(len, text.replace(str(folder), "procore-demo").splitlines())) <= 80


def test_what_it_says_to_try_next_works(told: tuple[Path, str]) -> None:
    _, text = told
    tried = re.findall(r"python -m sync_worker (.+)", text)
    assert len(tried) == 4
    for line in tried:
        options = [quoted or bare for quoted, bare in re.findall(r'"([^"]+)"|(\S+)', line)]
        done = subprocess.run(
            [sys.executable, "-m", "sync_worker", *options],
            env=environ_at(THE_DAY), capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (done.returncode, bool(done.stdout)) == (0, True), done.stderr


def test_its_secret_is_in_its_configuration_alone(told: tuple[Path, str]) -> None:
    folder, text = told
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != "config.yaml"]
    left = text.encode() + b"".join(path.read_bytes() for path in paths)
    assert b"Halvorsen" in left
    assert CLIENT_SECRET.encode() not in left


def test_it_leaves_nothing_running(told: tuple[Path, str]) -> None:
    _, text = told
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port_of(text)), timeout=60)


def test_ctrl_c_ends_it_with_one_line(stopped: Stopped) -> None:
    assert stopped.code == 75
    assert stopped.errors == "stopped; the same command starts the demo again\n"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port_of(stopped.said)), timeout=60)


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = demo(tmp_path / "file" / "inside")
    assert done.returncode == 2
    assert re.fullmatch(r"error: --dir .+ cannot be used: .+\n", done.stderr)


def test_the_queries_that_the_documents_begin_with_have_answers(told: tuple[Path, str]) -> None:
    folder, _ = told
    text = (Path(__file__).parents[2] / "docs" / "bi-tools.md").read_text("utf-8")
    queries = re.findall(r"```sql\n(.+?)```", text, re.DOTALL)
    assert len(queries) == 5
    with closing(sqlite3.connect(folder / "procore.db")) as connection:
        for query in queries:
            connection.execute(query).fetchall()
