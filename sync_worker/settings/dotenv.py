"""The lines of a `.env` file: `NAME=value`, quotes, comments and `export`, as Docker Compose and a shell read them.

A value is taken as it is written: nothing in it is expanded.
"""

from __future__ import annotations

import re

_ASSIGNMENT = re.compile(r"(?:export\s+)?([^\s=#]+)\s*=(.*)")
_COMMENT = r"\s*(?:\s#.*)?"
_SINGLE_QUOTED = re.compile(rf"'([^']*)'{_COMMENT}")
_DOUBLE_QUOTED = re.compile(rf'"((?:[^"\\]|\\.)*)"{_COMMENT}')
_ESCAPED = re.compile(r'\\(["\\$`])')


class DotenvError(ValueError):
    """A line that is no assignment; the message never repeats it."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def parse_dotenv(text: str) -> dict[str, str]:
    """Return the variables of a `.env` file, the last of those with the same name; raises `DotenvError`."""
    variables: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip(" \t\r")
        if not stripped or stripped.startswith("#"):
            continue
        assignment = _ASSIGNMENT.fullmatch(stripped)
        if assignment is None:
            raise DotenvError(number, "expected NAME=value")
        variables[assignment[1]] = _value(assignment[2], number)
    return variables


def _value(written: str, line: int) -> str:
    text = written.strip(" \t")
    if quoted := _SINGLE_QUOTED.fullmatch(text):
        return quoted[1]
    if quoted := _DOUBLE_QUOTED.fullmatch(text):
        return _ESCAPED.sub(r"\1", quoted[1])
    if text.startswith(("'", '"')):
        raise DotenvError(line, "a quote is not closed, or something follows it; a value is on one line")
    # A `#` that follows no blank belongs to the value.
    return re.sub(r"\s#.*", "", written, count=1).strip(" \t")
