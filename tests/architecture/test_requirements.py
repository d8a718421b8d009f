from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CORE = PROJECT["project"]["dependencies"]
EXTRAS = [line for extra in PROJECT["project"]["optional-dependencies"].values() for line in extra]
GROUPS = PROJECT["dependency-groups"]
BUILD, CONTAINER, DEV = GROUPS["build"], GROUPS["container"], [line for line in GROUPS["dev"] if isinstance(line, str)]
DECLARED = {"run": CORE, "all": CORE + EXTRAS, "build": BUILD, "container": CORE + CONTAINER, "dev": CORE + BUILD + DEV}
PIN = re.compile(r"^[\w.-]+(\[[\w,-]+\])?==\S+( ; [^\\]+)?( --hash=sha256:[0-9a-f]{64})+$")


def pinned_lines(name: str) -> list[str]:
    """Return the requirements of a file, each joined to one line."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    return re.sub(r" \\\n\s*", " ", text).splitlines()


def pins(name: str) -> dict[str, str]:
    """Return the version of each library that a file pins."""
    requirements = [Requirement(line.partition(" --hash")[0]) for line in pinned_lines(name)]
    return {canonicalize_name(found.name): str(found.specifier).removeprefix("==") for found in requirements}


@pytest.mark.parametrize("name", DECLARED)
def test_every_line_is_one_version_with_its_hashes(name: str) -> None:
    """So neither an index nor a changed file can slip in."""
    assert [line for line in pinned_lines(name) if not PIN.match(line)] == []


@pytest.mark.parametrize("name", DECLARED)
def test_pins_satisfy_what_the_project_declares(name: str) -> None:
    pinned = pins(name)
    wanted = [Requirement(line) for line in DECLARED[name]]
    unmet = [str(each) for each in wanted if pinned.get(canonicalize_name(each.name), "") not in each.specifier]
    assert unmet == [], "run `make lock`"


def test_development_and_production_run_the_same_versions() -> None:
    everything = pins("all")
    differing = {
        library: (version, everything[library])
        for name in ("run", "container", "dev")
        for library, version in pins(name).items()
        if everything.get(library, version) != version
    }
    assert differing == {}, "run `make lock`"


@pytest.mark.parametrize("name", ["all", "container", "dev"])
def test_whatever_is_installed_the_program_has_all_that_it_needs(name: str) -> None:
    """What is needed by what is needed, too: nothing is resolved when the files are installed."""
    assert sorted(pins("run").keys() - pins(name).keys()) == [], "run `make lock`"
