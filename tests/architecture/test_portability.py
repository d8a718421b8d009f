from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
MADE_BY_TOOLS = re.compile(r"\.git|\.venv|\.hypothesis|\..+_cache|__pycache__|build|dist|data|.+\.egg-info")
TIED_TO_ONE_MACHINE = re.compile(r"\bpypi\.|\bpythonhosted\.|(?<![\w.}/-])/(?:home|root|Users|work)/\w")


def texts() -> Iterator[tuple[Path, str]]:
    """Every text file of the project that a person wrote."""
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if not MADE_BY_TOOLS.fullmatch(name)]
        # In a worktree, .git is a file.
        for path in (Path(folder, name) for name in names if not MADE_BY_TOOLS.fullmatch(name)):
            try:
                yield path, path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


def test_no_file_names_a_package_host_or_a_path_of_someones_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path, text in texts()
        for match in TIED_TO_ONE_MACHINE.finditer(text)
    ]
    assert found == [], "name a folder that every machine has, or a placeholder"
