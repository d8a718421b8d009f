"""Lines that each begin with a word, so that the eye finds its way; as wide as the terminal, or as they are."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import click

TOGETHER = "\N{NO-BREAK SPACE}"
"""Between words that no line may part."""
_WIDTH = 13
_COLORS = {"failed": "red", "the run": "red", "inexact": "yellow", "stale": "yellow", "held": "yellow"}


class LabeledLine(NamedTuple):
    """A word, what is to be said of it, and what to do about it, if anything."""

    word: str
    text: str
    hint: str = ""


def labeled_lines(lines: Iterable[LabeledLine]) -> Iterator[str]:
    """The lines; what follows one of the same word and hint repeats neither."""
    shown = list(lines)
    for place, line in enumerate(shown):
        before = shown[place - 1] if place else LabeledLine("", "")
        after = shown[place + 1] if place + 1 < len(shown) else LabeledLine("", "")
        word = "" if line.word == before.word else line.word
        styled = click.style(f"{word:<{_WIDTH}}", fg=_COLORS.get(word), bold=True)
        first, *rest = _wrapped(line.text) or [""]
        yield f"{styled} {first}"
        yield from (f"{'':{_WIDTH}} {text}" for text in rest)
        if line.hint and line.hint != after.hint:
            hints = _wrapped(f"→ {line.hint}", "  ")
            yield from (f"{'':{_WIDTH}} {click.style(text, dim=True)}" for text in hints)


def _wrapped(text: str, indent: str = "") -> list[str]:
    if not sys.stdout.isatty():
        return [text.replace(TOGETHER, " ")]
    room = max(40, shutil.get_terminal_size().columns - _WIDTH - 1)
    lines = textwrap.wrap(text, room, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return [line.replace(TOGETHER, " ") for line in lines]
