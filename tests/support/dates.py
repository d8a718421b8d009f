"""`make test-dates`: the suite at other dates and in other time zones, so that no test depends on today's date.

libfaketime would do instead of wall_clock.c if it did not break `subprocess`, whose waits it moves too.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from sync_worker.clock import SystemClock

SHIM = Path(__file__).with_name("wall_clock.c")
PRESENT = "now"
DATES = (
    "2026-03-08 07:30",  # the night in which summer time begins in Chicago
    "2026-12-31 23:55",
    "2027-01-31 12:00",  # the month before has as many days, the next one fewer
    "2028-02-29 23:30",
    "2030-06-15 12:00",
    "now America/Chicago",
    "now Asia/Kolkata",
)


class Setting(NamedTuple):
    """A date and a time zone in which the suite runs."""

    text: str
    offset: int
    zone: str


def setting(text: str) -> Setting:
    """Parse `2027-01-31 12:00` or `now Asia/Kolkata`; the date is in UTC, and so is the zone by default."""
    words = text.split()
    zone = words.pop() if "/" in words[-1] else "UTC"
    if words == [PRESENT]:
        return Setting(text, 0, zone)
    at = datetime.fromisoformat(" ".join(words)).replace(tzinfo=UTC)
    return Setting(text, round((at - SystemClock().now()).total_seconds()), zone)


def main() -> int:
    """Run the tests in every setting; return 1 if some failed in any."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dates", default="", help="separated by commas")
    parser.add_argument("arguments", nargs="*", help="for pytest")
    given = parser.parse_args()
    dates = [text.strip() for text in given.dates.split(",") if text.strip()] or DATES
    with tempfile.TemporaryDirectory() as folder:
        shim = Path(folder) / "wall_clock.so"
        try:
            subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", shim, SHIM], check=True)  # noqa: S607 - whichever
        except FileNotFoundError:
            print("this needs a C compiler, as `cc`: the wall clock is moved by a library of its own", file=sys.stderr)
            return 2
        failed = [each.text for each in map(setting, dates) if not passes(each, shim, given.arguments)]
    for text in dates:
        print(f"{'FAILED' if text in failed else 'passed'}  {text}")
    return 1 if failed else 0


def passes(at: Setting, shim: Path, arguments: list[str]) -> bool:
    """Run the tests in one setting."""
    print(f"== {at.text}", flush=True)
    environ = {"TZ": at.zone, "LD_PRELOAD": str(shim), "WALL_CLOCK_OFFSET": str(at.offset)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "auto", "--dist", "loadfile"]
    return subprocess.run([*command, *arguments], env=os.environ | environ, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
