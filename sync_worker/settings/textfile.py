"""Small text files, read completely or refused with the reason; a device or a pipe is never waited for."""

from __future__ import annotations

import codecs
import os
import stat
from pathlib import Path

KILOBYTE = 1024


class TextFileError(ValueError):
    """A file that cannot be used as text; the message continues "the file …" and never holds its path or content."""


def read_text(path: Path, most_kilobytes: int) -> str:
    """Return the text of a regular file without its byte order mark.

    Raises `FileNotFoundError` when there is none, and `TextFileError` for any other reason why it cannot be read.
    """
    content = _content(path, most_kilobytes * KILOBYTE)
    if len(content) > most_kilobytes * KILOBYTE:
        raise TextFileError(f"is larger than {most_kilobytes} KB")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # PowerShell's `>` writes UTF-16.
        is_utf_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        reason = "; it is UTF-16, so save it as UTF-8" if is_utf_16 else f" (byte {error.start})"
        raise TextFileError(f"is not UTF-8 text{reason}") from None


def _content(path: Path, most_bytes: int) -> bytes:
    try:
        # Without O_NONBLOCK, opening a pipe waits until somebody writes to it.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123 - flags
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise TextFileError("is not a regular file")
            return file.read(most_bytes + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise TextFileError(f"cannot be read: {error.strerror}") from None
    except ValueError as error:
        if isinstance(error, TextFileError):
            raise
        raise TextFileError("cannot be read: its path holds a NUL character") from None
