r"""Output to a terminal or pipe that is not UTF-8: ASCII with escapes, as in `D\u00e9tail`."""

from __future__ import annotations

import codecs
import io
import os
import sys
from pathlib import Path

_ESCAPE = "sync_worker.escape"


def open_what_is_closed() -> None:
    """Open the null device as stdin, stdout or stderr if the process was started without it.

    Otherwise the next file that is opened, such as the database, gets the descriptor to which a library may print.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - as long as the process


def escape_what_cannot_be_shown() -> None:
    """Make stdout and stderr accept every text, whatever their encoding.

    Older encodings become ASCII, because a reader of a pipe usually expects UTF-8, of which ASCII is a part.
    Always pass the stream to `click.echo`: without it, click treats ASCII as a mistake and writes UTF-8.
    """
    codecs.register_error(_ESCAPE, _escaped)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            is_utf_8 = codecs.lookup(stream.encoding).name == "utf-8"
            stream.reconfigure(encoding="utf-8" if is_utf_8 else "ascii", errors=_ESCAPE)


def _escaped(error: UnicodeError) -> tuple[str, int]:
    r"""Return escapes that are valid in JSON: `\u` and four digits, twice for a character beyond U+FFFF."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2)), error.end
