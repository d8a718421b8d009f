"""From the file to `Settings`: read, fill in variables where they are used, validate, report all problems at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from sync_worker.settings.explain import explain, misspelt
from sync_worker.settings.problems import Finding, KeyPath, SettingsError, did_you_mean, dotted
from sync_worker.settings.schema import LocalSettings, ReportedProcore, ReportSettings, Settings, StreamOptions
from sync_worker.settings.source import Document, Value, read_document
from sync_worker.settings.variables import VariableError, fill

Model = TypeVar("Model", Settings, LocalSettings, ReportSettings)

Inspect = Callable[[Mapping[str, StreamOptions]], Iterable[Finding]]
"""What is wrong with streams, by someone who knows more of streams than their keys."""

_REPORT_LEAD = "report_"
_ADDRESSES = frozenset({"login_url", "api_url"})
_DESTINATION_KEYS = {"sqlite": frozenset({"path"}), "postgres": frozenset({"url", "schema"})}


class LoadedSettings(NamedTuple):
    """Settings and, by key, where the values that hold variables came from."""

    settings: Settings
    sources: Mapping[str, str]


def load_settings(
    path: Path,
    environ: Mapping[str, str],
    known_streams: Collection[str],
    known_jobs: Collection[str] | None = None,
    inspect: Inspect = lambda _: (),
) -> Settings:
    """The settings in the file at `path`; raises `SettingsError`, which lists every problem.

    Streams are looked up among `known_streams` and the file's own; jobs only if `known_jobs` is given.
    """
    return read_settings(path, environ, known_streams, known_jobs, inspect).settings


def read_settings(
    path: Path,
    environ: Mapping[str, str],
    known_streams: Collection[str],
    known_jobs: Collection[str] | None = None,
    inspect: Inspect = lambda _: (),
) -> LoadedSettings:
    """As `load_settings`, and where the values came from."""
    document = read_document(path)
    filler = _Filler(document, environ)
    tree = filler.settle()
    found = list(_unknown_names(tree, known_streams, known_jobs))
    return LoadedSettings(_validated(Settings, document, tree, found, path.parent, inspect), filler.sources)


def load_local_settings(
    path: Path, environ: Mapping[str, str], known_streams: Collection[str], inspect: Inspect = lambda _: ()
) -> LocalSettings:
    """Where the data is and of which streams, whatever the rest of the file holds; raises `SettingsError`.

    Variables of the other sections are not resolved: whoever looks at the data needs no credentials for Procore.
    """
    return _part_of(LocalSettings, path, environ, known_streams, inspect)


def load_report_settings(
    path: Path, environ: Mapping[str, str], known_streams: Collection[str], inspect: Inspect = lambda _: ()
) -> ReportSettings:
    """As `load_local_settings`, and what else making reports takes."""
    return _part_of(ReportSettings, path, environ, known_streams, inspect)


def _part_of(
    model: type[Model], path: Path, environ: Mapping[str, str], known_streams: Collection[str], inspect: Inspect
) -> Model:
    document = read_document(path)
    found: list[Finding] = [
        ((key,), f"unknown key{did_you_mean(key, Settings.model_fields)}")
        for key in document.tree.keys() - Settings.model_fields.keys()
    ]
    document.tree = {key: value for key, value in document.tree.items() if key in model.model_fields}
    procore = document.tree.get("procore")
    if isinstance(procore, dict):
        document.tree["procore"] = _only(procore, ReportedProcore.model_fields)
    tree = _Filler(document, environ).settle()
    found += _unknown_names(tree, known_streams, None)
    return _validated(model, document, tree, found, path.parent, inspect)


class _Filler:
    """Fills in the variables of a document, but for keys that its other keys make useless."""

    def __init__(self, document: Document, environ: Mapping[str, str]) -> None:
        self._document = document
        self._environ = environ
        self.sources: dict[str, str] = {}

    def settle(self) -> dict[str, Any]:
        """The document's values with every variable in use filled in."""
        tree = dict(self._document.tree)
        procore, destination = tree.get("procore"), tree.get("destination")
        if isinstance(procore, dict) and self._choice(procore, "environment", "production") != "custom":
            tree["procore"] = _without(procore, _ADDRESSES)
        if isinstance(destination, dict):
            used = _DESTINATION_KEYS.get(self._choice(destination, "type", "sqlite"), frozenset())
            tree["destination"] = _without(destination, frozenset().union(*_DESTINATION_KEYS.values()) - used)
        return {key: self._filled(value, (key,)) for key, value in tree.items()}

    def _choice(self, section: dict[str, Value], key: str, default: str) -> str:
        """What `section[key]` chooses; empty when that cannot be told, which is reported where it is filled in."""
        value = section.get(key) or default
        try:
            return fill(value, self._environ).text if isinstance(value, str) else ""
        except VariableError:
            return ""

    def _filled(self, value: Value, path: KeyPath) -> Any:
        if isinstance(value, dict):
            return {key: self._filled(inner, (*path, key)) for key, inner in value.items()}
        if isinstance(value, tuple):
            return tuple(self._filled(inner, (*path, index)) for index, inner in enumerate(value))
        return self._text(value, path) if isinstance(value, str) else value

    def _text(self, text: str, path: KeyPath) -> Any:
        try:
            filled = fill(text, self._environ)
        except VariableError as error:
            self._document.blame(path, str(error))
            # No key takes this, so validation complains here too, and is not heard.
            return object()
        if filled.sources:
            self.sources[dotted(path)] = ", ".join(filled.sources)
        return filled.text


def _only(section: dict[str, Value], keys: Collection[str]) -> dict[str, Value]:
    return {key: value for key, value in section.items() if key in keys}


def _without(section: dict[str, Value], keys: frozenset[str]) -> dict[str, Value]:
    return {key: value for key, value in section.items() if key not in keys}


def _validated(
    model: type[Model],
    document: Document,
    tree: dict[str, Any],
    found: list[Finding],
    folder: Path,
    inspect: Inspect,
) -> Model:
    """`tree` as `model`; raises `SettingsError` for what is wrong with it and for what was `found` already."""
    settings = None
    try:
        settings = model.model_validate(tree, context={"folder": folder.absolute()})
        found += inspect(settings.streams)
    except ValidationError as error:
        found += _validation_problems(tree, error, model)
    document.blame_others(found)
    if settings is None or document.problems:
        raise SettingsError(document.problems)
    return settings


def _validation_problems(tree: dict[str, Any], error: ValidationError, model: type[BaseModel]) -> Iterator[Finding]:
    errors = error.errors(include_url=False)
    meant = misspelt(errors, model)
    for details in errors:
        if details["type"] != "missing" or details["loc"] not in meant:
            yield _path_in(tree, details["loc"]), explain(details, model)


def _path_in(tree: Any, location: tuple[str | int, ...]) -> KeyPath:
    """`location` without the parts that pydantic adds: the type of a tagged entry, the mark of a key."""
    path: KeyPath = ()
    for place, part in enumerate(location, start=1):
        members = dict(enumerate(tree)) if isinstance(tree, tuple) else tree
        if isinstance(members, dict) and part in members:
            path, tree = (*path, part), members[part]
        elif place == len(location) and part != "[key]":
            path = (*path, part)
    return path


def _unknown_names(
    tree: dict[str, Any], known_streams: Collection[str], known_jobs: Collection[str] | None
) -> Iterator[Finding]:
    streams, jobs = _entries(tree, "streams"), _entries(tree, "jobs")
    own = {name for name, options in streams.items() if isinstance(options, dict) and "path" in options}
    known = {*known_streams, *own}
    for name in streams.keys() - own - known:
        yield ("streams", name), f"unknown stream{did_you_mean(name, known) or '; one of your own needs path'}"
    for name in own & set(known_streams):
        yield ("streams", name), "is the name of a shipped stream; give yours another"
    for name, options in jobs.items():
        declared = isinstance(options, dict) and "kind" in options
        if known_jobs is not None and not declared and name not in known_jobs:
            yield ("jobs", name), f"unknown job{did_you_mean(name, known_jobs) or '; one declared here needs kind'}"
        if known_jobs is not None and (problem := _unknown_report(options, known_jobs)):
            yield ("jobs", name, "report"), problem
        for index, pattern in enumerate(_patterns(options)):
            if not _chooses_any(pattern, known):
                yield ("jobs", name, "streams", index), f"unknown stream{did_you_mean(pattern, known)}"


def _unknown_report(options: Any, known_jobs: Collection[str]) -> str | None:
    """What is wrong with the report that a job names; it may be named as its job or without the lead."""
    name = options.get("report") if isinstance(options, dict) else None
    reports = [job.removeprefix(_REPORT_LEAD) for job in known_jobs if job.startswith(_REPORT_LEAD)]
    if not isinstance(name, str) or name.removeprefix(_REPORT_LEAD) in reports:
        return None
    return f"unknown report{did_you_mean(name, reports) or '; there are ' + ', '.join(sorted(reports))}"


def _entries(tree: dict[str, Any], key: str) -> dict[str, Any]:
    section = tree.get(key)
    return section if isinstance(section, dict) else {}


def _patterns(options: Any) -> tuple[str, ...]:
    patterns = options.get("streams") if isinstance(options, dict) else None
    return tuple(str(pattern) for pattern in patterns) if isinstance(patterns, tuple) else ()


def _chooses_any(pattern: str, known: Collection[str]) -> bool:
    return pattern.startswith("tag:") or any(fnmatchcase(name, pattern) for name in known)
