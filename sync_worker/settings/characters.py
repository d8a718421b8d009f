"""Invisible characters that editors, shells and copying leave in a value by accident."""

from __future__ import annotations

import unicodedata

_NAMES = {
    " ": "a space",
    "\t": "a tab",
    "\n": "a line break",
    "\r": "a carriage return",
    "\0": "a NUL character",
    "\xa0": "a no-break space",
    "\u200b": "a zero-width space",
    "\ufeff": "a byte order mark",
}


def trimmed(text: str) -> str:
    """Return `text` without the byte order mark and the line end that files and shells add."""
    return text.removeprefix("\ufeff").rstrip("\r\n")


def stray_character(text: str) -> str | None:
    """Describe an invisible character in `text` that cannot be on purpose, such as "ends with a space"; else None."""
    if text and _is_invisible(text[0]):
        return f"begins with {_named(text[0])}"
    if text and _is_invisible(text[-1]):
        return f"ends with {_named(text[-1])}"
    # Inside a text, spaces and line breaks may be on purpose.
    odd = next((char for char in text if _is_invisible(char) and char not in " \t\n\xa0\u3000"), None)
    return None if odd is None else f"has {_named(odd)} in it"


def _is_invisible(char: str) -> bool:
    return char.isspace() or unicodedata.category(char) in ("Cc", "Cf", "Cs")


def _named(char: str) -> str:
    if unicodedata.category(char) == "Cs":
        # A surrogate: Python's escape for a byte of the environment that it cannot decode (PEP 383).
        return "a byte that is not UTF-8"
    return _NAMES.get(char, f"the invisible character U+{ord(char):04X}")
