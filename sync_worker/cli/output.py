r"""What is printed where the terminal or the pipe is not UTF-8: ASCII with escapes, as in `D\u00e9tail`."""

from __future__ import annotations

import codecs
import io
import os
import sys
from pathlib import Path

_ESCAPE = "sync_worker.escape"


def open_what_is_closed() -> None:
    """Open the null device as stdin, stdout and stderr where the process was started without them.

    Else the next file that is opened, such as the database, gets the descriptor to which a library may print.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - as long as the process


def escape_what_cannot_be_shown() -> None:
    """Make stdout and stderr of this process take every text, whatever their encoding.

    An older encoding would have some of the letters; but who reads a pipe mostly takes it for UTF-8, which ASCII is.
    `click.echo` must be told the stream: by itself it takes one in ASCII for a mistake and writes UTF-8.
    """
    codecs.register_error(_ESCAPE, _escaped)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            is_utf_8 = codecs.lookup(stream.encoding).name == "utf-8"
            stream.reconfigure(encoding="utf-8" if is_utf_8 else "ascii", errors=_ESCAPE)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    r"""The form that JSON has too, so that JSON stays JSON: `\u` and four digits, twice for what lies beyond U+FFFF."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2)), error.end
