from __future__ import annotations

from pathlib import Path

import pytest

from support.clock import ManualClock
from sync_worker.errors import ConfigurationError
from sync_worker.scheduler.heartbeat import Heartbeat, beats, heartbeat_path, read_trouble


def test_a_heart_beats_until_it_has_not_for_a_minute(tmp_path: Path) -> None:
    clock, path = ManualClock(), heartbeat_path(tmp_path / "data")
    heartbeat = Heartbeat(path, clock)
    assert not beats(path, clock.now())
    assert not heartbeat.is_recent()

    heartbeat.begin()
    heartbeat.beat()
    clock.advance(59)
    assert beats(path, clock.now())
    assert heartbeat.is_recent()

    clock.advance(2)
    assert not beats(path, clock.now())
    assert not heartbeat.is_recent()

    heartbeat.beat()
    assert beats(path, clock.now())


def test_a_beat_of_a_clock_that_was_far_ahead_is_none(tmp_path: Path) -> None:
    ahead, clock, path = ManualClock(), ManualClock(), heartbeat_path(tmp_path)
    ahead.advance(3600)
    heartbeat = Heartbeat(path, ahead)
    heartbeat.begin()
    heartbeat.beat()
    assert not beats(path, clock.now())


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="data_dir"):
        Heartbeat(heartbeat_path(tmp_path / "file" / "data"), ManualClock()).begin()


def test_a_heart_beats_again_in_a_folder_that_was_gone_for_a_while(tmp_path: Path) -> None:
    clock, path = ManualClock(), heartbeat_path(tmp_path / "data")
    heartbeat = Heartbeat(path, clock)
    heartbeat.begin()
    path.unlink()
    path.parent.rmdir()
    clock.advance(5)
    heartbeat.beat()
    assert not path.parent.exists()

    path.parent.mkdir()
    clock.advance(5)
    heartbeat.beat()

    assert beats(path, clock.now())
    assert read_trouble(path) is None


def test_trouble_is_told_at_once_however_short_ago_the_last_beat_was(tmp_path: Path) -> None:
    troubles = [None, "the database was moved", None]
    path = heartbeat_path(tmp_path)
    heartbeat = Heartbeat(path, ManualClock(), lambda: troubles.pop(0))
    heartbeat.begin()
    heartbeat.beat()
    assert read_trouble(path) == "the database was moved"
    heartbeat.beat()
    assert read_trouble(path) is None
