"""Characters that nobody sees and nobody meant: what editors, shells and copying leave in a value."""

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
    """Return `text` without the byte order mark and the line end that a file or an environment may bring with it."""
    return text.removeprefix("\ufeff").rstrip("\r\n")


def oddity(text: str) -> str | None:
    """Return what is invisible in `text` and cannot be meant, such as "ends with a space", or None."""
    if text and _is_invisible(text[0]):
        return f"begins with {_named(text[0])}"
    if text and _is_invisible(text[-1]):
        return f"ends with {_named(text[-1])}"
    odd = next((char for char in text if _is_invisible(char) and char not in " \t\n\xa0\u3000"), None)
    return None if odd is None else f"has {_named(odd)} in it"


def _is_invisible(char: str) -> bool:
    return char.isspace() or unicodedata.category(char) in ("Cc", "Cf", "Cs")


def _named(char: str) -> str:
    if unicodedata.category(char) == "Cs":
        # Python's stand-in for a byte of the environment that it cannot decode.
        return "a byte that is not UTF-8"
    return _NAMES.get(char, f"the invisible character U+{ord(char):04X}")
