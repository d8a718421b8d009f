from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_worker.cli.main import COMMANDS
from sync_worker.settings import Settings

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("jobs/*.md")])
FILE = re.compile(r"`(?:sync_worker/)?([a-z_]+(?:/[a-z_0-9]+)*\.(?:py|sql|yaml))`")
LINK = re.compile(r"\]\(([^)#:]+)\)")


def commands(text: str) -> set[str]:
    return set(re.findall(r"sync-worker ([a-z]+)", text))


def missing_files(document: Path) -> Iterator[str]:
    for name in FILE.findall(document.read_text("utf-8")):
        there = (ROOT / name).exists() or any((ROOT / "sync_worker").glob(f"**/{name}"))
        if not there:
            yield name


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_document_names_no_file_command_or_link_that_is_not_there(document: Path) -> None:
    text = document.read_text("utf-8")
    assert list(missing_files(document)) == []
    assert commands(text) <= set(COMMANDS)
    assert [link for link in LINK.findall(text) if not (document.parent / link).exists()] == []


def test_every_command_is_in_the_readme() -> None:
    assert commands((ROOT / "README.md").read_text("utf-8")) == set(COMMANDS)


def test_every_section_of_the_configuration_is_in_the_shipped_one() -> None:
    text = (ROOT / "config.yaml").read_text("utf-8")
    assert [key for key in Settings.model_fields if not re.search(rf"^(# )?{key}:", text, re.MULTILINE)] == []
