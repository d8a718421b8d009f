from __future__ import annotations

import re
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest


def demo(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sync_worker", "demo", "--dir", str(folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("demo")
    done = demo(folder)
    assert (done.returncode, done.stderr) == (0, "")
    return folder, done.stdout


def test_the_demo_tells_of_three_syncs_of_which_the_last_writes_nothing(told: tuple[Path, str]) -> None:
    _, text = told
    assert re.search(r"First sync\n  [\d,]+ records of \d+ streams", text)
    assert re.search(r"Second sync\n  [1-9]\d* rows inserted, [1-9]\d* updated", text)
    assert re.search(r"Third sync, nothing changed\n  0 rows inserted, 0 updated", text)
    assert "may not be read" in text


def test_the_questions_it_ends_with_have_answers(told: tuple[Path, str]) -> None:
    folder, text = told
    questions = re.findall(r"-- .+\n  (SELECT .+;)", text)
    assert len(questions) == 2
    with closing(sqlite3.connect(folder / "procore.db")) as connection:
        assert all(connection.execute(question).fetchall() for question in questions)


def test_it_leaves_nothing_running(told: tuple[Path, str]) -> None:
    _, text = told
    port = re.search(r"http://127\.0\.0\.1:(\d+)", text)
    assert port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(port[1])), timeout=5)


def test_it_can_be_repeated_in_the_same_folder(told: tuple[Path, str]) -> None:
    folder, _ = told
    again = demo(folder)
    assert again.returncode == 0
    assert "Third sync, nothing changed\n  0 rows inserted, 0 updated" in again.stdout


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = demo(tmp_path / "file" / "inside")
    assert done.returncode == 2
    assert re.fullmatch(r"error: --dir .+ cannot be used: .+\n", done.stderr)
