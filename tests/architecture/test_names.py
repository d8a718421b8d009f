"""One word per idea: class names are unique, the glossary is whole, and every place says the same version."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

from sync_worker import __version__

ROOT = Path(__file__).parents[2]
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text("utf-8")


def public_classes(package: str) -> dict[str, list[str]]:
    """Return the files in which each public class of a package is defined."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / package).rglob("*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(str(path.relative_to(ROOT)))
    return found


def test_no_public_class_name_stands_in_two_files() -> None:
    for package in ("sync_worker", "procore_simulator"):
        doubled = {name: files for name, files in public_classes(package).items() if len(files) > 1}
        assert doubled == {}, "one word for one idea: give one of the two another name"


def glossary() -> list[tuple[str, str]]:
    """Each word of the glossary with the words that are not used for it."""
    rows = [line.split("|")[1:-1] for line in GLOSSARY.splitlines() if line.startswith("| ")]
    return [(row[0].strip(), row[2].strip()) for row in rows if row[0].strip() != "word"]


def test_the_glossary_explains_each_word_once() -> None:
    words = [word for word, _ in glossary()]
    assert len(words) > 40
    assert sorted(words) == sorted(set(words)), "docs/glossary.md explains a word twice"


def test_the_program_the_image_and_the_changelog_say_the_same_version() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert f"ARG VERSION={__version__}\n" in dockerfile
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", changelog, re.MULTILINE)
    assert released[0] == __version__
