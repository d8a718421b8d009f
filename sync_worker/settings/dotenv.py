"""The lines of a `.env` file: `NAME=value`, quotes, comments and `export`, as Docker Compose and a shell read them.

A value is taken literally: variables in it are not expanded.
"""

from __future__ import annotations

import re

_ASSIGNMENT = re.compile(r"(?:export\s+)?([^\s=#]+)\s*=(.*)")
_COMMENT = r"\s*(?:\s#.*)?"
_SINGLE_QUOTED = re.compile(rf"'([^']*)'{_COMMENT}")
_DOUBLE_QUOTED = re.compile(rf'"((?:[^"\\]|\\.)*)"{_COMMENT}')
_ESCAPED = re.compile(r'\\(["\\$`])')


class DotenvError(ValueError):
    """A line that is not an assignment; the message never repeats it, as it may hold a secret."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def parse_dotenv(text: str) -> dict[str, str]:
    """Return the variables of a `.env` file; the last one of a name wins. Raises `DotenvError`."""
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
    # As in a shell, a `#` begins a comment only after a blank.
    return re.sub(r"\s#.*", "", written, count=1).strip(" \t")
