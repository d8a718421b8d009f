from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import click
import pytest
from prometheus_client.metrics_core import CounterMetricFamily
from pydantic import BaseModel

from sync_worker.catalog import STREAMS
from sync_worker.cli.main import COMMANDS, root
from sync_worker.job import load_jobs
from sync_worker.logs import Event
from sync_worker.model import Observation, Verdict
from sync_worker.planning.selection import COMPANIES, PROJECTS, select
from sync_worker.server.metrics import METRICS
from sync_worker.settings import Settings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PACKAGES = ("sync_worker", "procore_simulator")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("jobs/*.md")])
FILE = re.compile(r"`(?:sync_worker/)?([a-z_]+(?:/[a-z_0-9]+)*\.(?:py|sql|yaml))`")
LINK = re.compile(r"\]\(([^)#:]+)(?:#([^)]+))?\)")
LONGEST_README = 120
"""Its lines without those of tables: the table of commands grows with the program."""


def commands(text: str) -> set[str]:
    return set(re.findall(r"sync-worker ([a-z]+)", text))


def missing_files(document: Path) -> Iterator[str]:
    for name in FILE.findall(document.read_text("utf-8")):
        there = (ROOT / name).exists() or any(
            found for package in PACKAGES for found in (ROOT / package).glob(f"**/{name}")
        )
        if not there:
            yield name


def anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", document.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(document: Path) -> Iterator[str]:
    for link, anchor in LINK.findall(document.read_text("utf-8")):
        target = document.parent / link
        if not target.exists() or (anchor and anchor not in anchors(target)):
            yield link


def cells(line: str) -> list[str]:
    """Return the cells of a line of a table; a bar after a backslash is no border."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def table(document: str, first: str) -> Iterator[list[str]]:
    """Yield the rows of every table whose first heading is `first`."""
    is_inside = False
    for line in (DOCS / document).read_text("utf-8").splitlines():
        if is_inside and line.startswith("|") and not line.startswith("|--"):
            yield cells(line)
        is_inside = line.startswith(f"| {first} |") or (is_inside and line.startswith("|"))


def names(cell: str) -> list[str]:
    """Return what a cell has in backquotes."""
    return re.findall(r"`([^`]+)`", cell)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_document_names_no_file_command_or_link_that_is_not_there(document: Path) -> None:
    text = document.read_text("utf-8")
    assert list(missing_files(document)) == [], "a file is named from the root, or as the end of its path in a package"
    assert commands(text) <= set(COMMANDS)
    assert list(broken_links(document)) == [], "the link, or its heading, is not there"


def test_every_command_is_in_the_readme() -> None:
    found = commands((ROOT / "README.md").read_text("utf-8"))
    assert found == set(COMMANDS), "add a line to the table under Commands in README.md"


def test_the_readme_is_short_and_leads_to_every_document() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    linked = {(ROOT / link).resolve() for link, _ in LINK.findall(text)}
    lines = [line for line in text.splitlines() if not line.startswith("|")]
    assert len(lines) <= LONGEST_README, "move what not every reader needs into docs/"
    assert [path.name for path in DOCS.glob("*.md") if path not in linked] == [], "add a link to README.md, under More"


def commands_below(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every command with its words, groups apart."""
    if not isinstance(command, click.Group):
        yield " ".join(path), command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        assert below is not None
        yield from commands_below(below, (*path, name))


def flags(command: click.Command) -> set[str]:
    return {opt for it in command.params if isinstance(it, click.Option) for opt in it.opts if opt.startswith("--")}


def described_flags(section: str) -> set[str]:
    return {flag for line in section.splitlines() for flag in re.findall(r"^\| .*?(--[a-z-]+)", line)}


def sections_of_commands() -> dict[str, str]:
    parts = re.split(r"^### `sync-worker ([a-z -]+)`\n", (DOCS / "commands.md").read_text("utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], (part.split("\n## ")[0] for part in parts[2::2]), strict=True))


def test_every_command_and_every_option_is_described_and_no_other() -> None:
    everywhere = flags(root) | {"--help", "--version"}
    found = {name: flags(command) - everywhere for name, command in commands_below(root)}
    described = {name: described_flags(section) for name, section in sections_of_commands().items()}
    assert described == found, "add a heading as `### `sync-worker NAME`` and a table of options to docs/commands.md"


def test_the_options_of_all_commands_are_described_once() -> None:
    everywhere = (DOCS / "commands.md").read_text("utf-8").partition("## Exit codes")[0]
    described = {
        flag.split()[0] for line in everywhere.splitlines() if line.startswith("| `") for flag in names(cells(line)[0])
    }
    found = {opt for it in root.params if isinstance(it, click.Option) for opt in it.opts} | {"-h", "--help"}
    assert described == found, "correct the table under Everywhere in docs/commands.md"


def rows_of_options(command: click.Command) -> Iterator[str]:
    """Yield the beginning of each option's row in a table: as `--help` writes it, and what it says."""
    for option in command.params:
        if isinstance(option, click.Option) and (record := option.get_help_record(click.Context(command))):
            written = ", ".join(f"`{part}`" for part in record[0].replace("|", r"\|").split(", "))
            yield f"| {written} | {option.help}"


def test_options_are_described_in_the_words_of_their_help() -> None:
    everywhere = (DOCS / "commands.md").read_text("utf-8").partition("## Exit codes")[0]
    of_all = list(rows_of_options(root))
    assert [row for row in of_all if f"\n{row}" not in everywhere] == []
    sections = sections_of_commands()
    missing = [
        (name, row)
        for name, command in commands_below(root)
        for row in rows_of_options(command)
        if row not in of_all and f"\n{row}" not in sections[name]
    ]
    assert missing == [], "add these rows to docs/commands.md; what a row says begins with the help of the option"


def keys(model: type[BaseModel], path: str = "") -> Iterator[str]:
    """Every key of the configuration with its path; NAME stands for names that the user gives, [] for an item."""
    for name, field in model.model_fields.items():
        yield from keys_of(field.annotation, path + (field.alias or name))


def keys_of(annotation: Any, path: str) -> Iterator[str]:
    inner = list(sections_in(annotation, path))
    if not inner:
        yield path
    for section, its_path in inner:
        yield from keys(section, f"{its_path}.")


def sections_in(annotation: Any, path: str) -> Iterator[tuple[type[BaseModel], str]]:
    """Yield the sections that a value of this type holds, each with its path."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, path
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Annotated, Union, UnionType):
        for argument in arguments[:1] if origin is Annotated else arguments:
            yield from sections_in(argument, path)
    elif origin is tuple:
        yield from sections_in(arguments[0], f"{path}[]")
    elif isinstance(origin, type) and issubclass(origin, Mapping):
        yield from sections_in(arguments[1], f"{path}.NAME")


class Texts(ast.NodeVisitor):
    """Every text in the program, with … for what is filled in."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        parts = (str(it.value) if isinstance(it, ast.Constant) else "…" for it in node.values)
        self.found.append("".join(parts))

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self.found.append(re.sub(r"\{[^}]*\}", "…", node.value))


def said_by_the_program() -> list[str]:
    texts = Texts()
    for path in ROOT.glob("sync_worker/**/*.py"):
        texts.visit(ast.parse(path.read_text("utf-8")))
    return [*texts.found, *FROM_SQLITE]


FROM_SQLITE = ("database or disk is full", "database is locked", "disk I/O error", "unable to open database file")
VERDICTS = {verdict.value for verdict in Verdict}


def test_the_messages_that_are_explained_are_those_of_the_program() -> None:
    texts = said_by_the_program()
    explained = [name for first in ("message", "what you see") for row in table("troubleshooting.md", first)
                 for name in names(row[0]) if name not in VERDICTS | STREAMS.keys()]  # fmt: skip
    assert len(explained) > len(FROM_SQLITE)
    patterns = {it: re.compile(".*".join(re.escape(part) for part in it.split("…"))) for it in explained}
    unsaid = [it for it, pattern in patterns.items() if not any(map(pattern.search, texts))]
    assert unsaid == [], "docs/troubleshooting.md explains messages that the program has no longer, or words otherwise"


def test_every_key_of_the_configuration_is_described_and_no_other() -> None:
    described = [names(row[0])[0] for row in table("configuration.md", "key")]
    assert len(described) == len(set(described))
    assert set(described) == set(keys(Settings)), "correct the table of keys in docs/configuration.md"


def test_every_section_of_the_configuration_is_in_the_shipped_one() -> None:
    text = (ROOT / "config.yaml").read_text("utf-8")
    missing = [key for key in Settings.model_fields if not re.search(rf"^(# )?{key}:", text, re.MULTILINE)]
    assert missing == [], "add them to config.yaml, or commented out"


def test_every_tag_is_described_and_no_other() -> None:
    text = (DOCS / "configuration.md").read_text("utf-8").partition("## Tags")[2]
    described = set(re.findall(r"`([a-z_]+)`", text))
    found = {tag for spec in STREAMS.values() for tag in spec.tags}
    assert described == found, "correct the list under Tags in docs/configuration.md"


def test_every_log_event_is_described_and_no_other() -> None:
    described = [names(row[0])[0] for row in table("operations.md", "event")]
    assert described == [event.value for event in Event], "docs/operations.md lists the events in the order of `Event`"


def test_every_metric_is_described_with_its_labels_and_no_other() -> None:
    described = {names(row[0])[0]: tuple(names(row[1])) for row in table("operations.md", "metric")}
    counters = {metric: "_total" if metric.kind is CounterMetricFamily else "" for metric in METRICS}
    found = {f"{metric.name}{suffix}": metric.labels for metric, suffix in counters.items()}
    assert described == found, "correct the table of metrics in docs/operations.md"


def test_every_observation_is_described_and_no_other() -> None:
    described = [name for row in table("operations.md", "observation") for name in names(row[0])]
    found = [observation.value for observation in Observation]
    assert described == found, "docs/operations.md lists the observations in the order of `Observation`"


def test_the_tools_that_a_job_needs_are_those_of_its_streams() -> None:
    described = {names(row[0])[0]: set(row[1].split(", ")) for row in table("procore-access.md", "job")}
    needed_by_all = {STREAMS[name].tool for name in (COMPANIES, PROJECTS)}
    needed = {
        name: {it.tool.rpartition("/")[2] for it in select(job.streams, STREAMS) if it.tool not in needed_by_all}
        for name, job in load_jobs(ROOT / "jobs").items()
    }
    assert described == needed, "correct the table of jobs and tools in docs/procore-access.md"


def test_every_sensitive_stream_is_named_where_access_is_asked_for() -> None:
    text = (DOCS / "procore-access.md").read_text("utf-8")
    found = re.search(r"injuries, hours or pay are in no job: (.+?)\. ", text, re.DOTALL)
    assert found
    sensitive = {name for name, spec in STREAMS.items() if spec.sensitive}
    assert set(names(found[1])) == sensitive, "correct the sentence in docs/procore-access.md"
