"""The way from the file to `Settings`: read, fill in the variables in use, validate, report all problems at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from sync_worker.settings.characters import stray_character, trimmed
from sync_worker.settings.explain import explain, misspelt
from sync_worker.settings.folder import Folder
from sync_worker.settings.problems import KeyFinding, KeyPath, SettingsError, did_you_mean, dotted
from sync_worker.settings.schema import LocalSettings, ReportedProcore, ReportSettings, Settings
from sync_worker.settings.source import Value, YamlDocument, read_document
from sync_worker.settings.variables import VariableError, fill

Model = TypeVar("Model", Settings, LocalSettings, ReportSettings)

Inspect = Callable[[Model], Iterable[KeyFinding]]
"""A check of valid settings by code that knows more about what they name; yields the problems."""

_ADDRESSES = frozenset({"login_url", "api_url"})
_DESTINATION_KEYS = {"sqlite": frozenset({"path"}), "postgres": frozenset({"url", "schema"})}


class LoadedSettings(NamedTuple):
    """Settings, and by key the sources of the values that have variables."""

    settings: Settings
    sources: Mapping[str, str]
    read: Collection[Path]
    """The `.env` and the secret files that were read."""


def load_settings(
    path: Path, environ: Mapping[str, str], known_streams: Collection[str], inspect: Inspect[Settings] = lambda _: ()
) -> Settings:
    """Return the settings in the file at `path`; raises `SettingsError`, which lists every problem.

    Streams are looked up among `known_streams` and the file's own.
    """
    return read_settings(path, environ, known_streams, inspect).settings


def read_settings(
    path: Path, environ: Mapping[str, str], known_streams: Collection[str], inspect: Inspect[Settings] = lambda _: ()
) -> LoadedSettings:
    """Return the settings as `load_settings` does, with the sources of the values."""
    document = read_document(path)
    filler = _Filler(document, environ, path.parent)
    tree = filler.fill_all()
    found = list(_unknown_names(tree, known_streams))
    settings = _validated(Settings, document, tree, found, path.parent, inspect)
    return LoadedSettings(settings, filler.sources, frozenset(filler.folder.read))


def load_local_settings(
    path: Path,
    environ: Mapping[str, str],
    known_streams: Collection[str],
    inspect: Inspect[LocalSettings] = lambda _: (),
) -> LocalSettings:
    """Return the location and the streams of the data; other sections may have errors. Raises `SettingsError`.

    Variables of the other sections are not resolved: reading the data needs no credentials for Procore.
    """
    return _part_of(LocalSettings, path, environ, known_streams, inspect)


def load_report_settings(
    path: Path,
    environ: Mapping[str, str],
    known_streams: Collection[str],
    inspect: Inspect[ReportSettings] = lambda _: (),
) -> ReportSettings:
    """Return what `load_local_settings` does, and what reports need in addition."""
    return _part_of(ReportSettings, path, environ, known_streams, inspect)


def _part_of(
    model: type[Model], path: Path, environ: Mapping[str, str], known_streams: Collection[str], inspect: Inspect[Model]
) -> Model:
    document = read_document(path)
    found: list[KeyFinding] = [
        ((key,), f"unknown key{did_you_mean(key, Settings.model_fields)}")
        for key in document.tree.keys() - Settings.model_fields.keys()
    ]
    document.tree = {key: value for key, value in document.tree.items() if key in model.model_fields}
    filler = _Filler(document, environ, path.parent)
    procore = document.tree.get("procore")
    if isinstance(procore, dict):
        unknown = frozenset() if filler.can_fill(procore.get("companies")) else frozenset({"companies"})
        document.tree["procore"] = _without(_only(procore, ReportedProcore.model_fields), unknown)
    tree = filler.fill_all()
    found += _unknown_names(tree, known_streams)
    return _validated(model, document, tree, found, path.parent, inspect)


class _Filler:
    """Filler of the variables in a document, except in keys that its other keys make useless."""

    def __init__(self, document: YamlDocument, environ: Mapping[str, str], folder: Path) -> None:
        self._document = document
        self._environ = environ
        self.folder = Folder(folder)
        self.sources: dict[str, str] = {}

    def fill_all(self) -> dict[str, Any]:
        """Return the document's values with every variable in use filled in."""
        tree = dict(self._document.tree)
        procore, destination = tree.get("procore"), tree.get("destination")
        if isinstance(procore, dict) and self._choice(procore, "environment", "production") != "custom":
            tree["procore"] = _without(procore, _ADDRESSES)
        if isinstance(destination, dict):
            used = _DESTINATION_KEYS.get(self._choice(destination, "type", "sqlite"), frozenset())
            tree["destination"] = _without(destination, frozenset().union(*_DESTINATION_KEYS.values()) - used)
        return {key: self._filled(value, (key,)) for key, value in tree.items()}

    def can_fill(self, value: Value) -> bool:
        """Return False if a variable in a value cannot be filled in."""
        if isinstance(value, tuple):
            return all(map(self.can_fill, value))
        try:
            return not isinstance(value, str) or bool(fill(value, self._environ, self.folder).text)
        except VariableError:
            return False

    def _choice(self, section: dict[str, Value], key: str, default: str) -> str:
        """Return the value of `section[key]`; empty if its variable cannot be filled in, which `_text` reports."""
        value = section.get(key) or default
        try:
            return trimmed(fill(value, self._environ, self.folder).text) if isinstance(value, str) else ""
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
            filled = fill(text, self._environ, self.folder)
        except VariableError as error:
            return self._refused(path, str(error))
        sources = ", ".join(filled.sources)
        if sources:
            self.sources[dotted(path)] = sources
        value = trimmed(filled.text)
        # The texts under `streams` are names and values of Procore, which may have odd characters on purpose.
        if path[0] != "streams" and (odd := stray_character(value)):
            return self._refused(path, f"{sources} {odd}; remove it".lstrip())
        return value

    def _refused(self, path: KeyPath, message: str) -> object:
        self._document.add_problem(path, message)
        # A value that no key takes. Validation reports it too, but `add_problems` drops that second report.
        return object()


def _only(section: dict[str, Value], keys: Collection[str]) -> dict[str, Value]:
    return {key: value for key, value in section.items() if key in keys}


def _without(section: dict[str, Value], keys: frozenset[str]) -> dict[str, Value]:
    return {key: value for key, value in section.items() if key not in keys}


def _validated(
    model: type[Model],
    document: YamlDocument,
    tree: dict[str, Any],
    found: list[KeyFinding],
    folder: Path,
    inspect: Inspect[Model],
) -> Model:
    """Return `tree` as `model`; raises `SettingsError` for its problems and for those `found` already."""
    settings = None
    try:
        settings = model.model_validate(tree, context={"folder": folder.absolute()})
        found += inspect(settings)
    except ValidationError as error:
        found += _validation_problems(tree, error, model)
    document.add_problems(found)
    if settings is None or document.problems:
        raise SettingsError(document.problems)
    return settings


def _validation_problems(tree: dict[str, Any], error: ValidationError, model: type[BaseModel]) -> Iterator[KeyFinding]:
    errors = error.errors(include_url=False)
    meant = misspelt(errors, model)
    for details in errors:
        if details["type"] != "missing" or details["loc"] not in meant:
            yield _path_in(tree, details["loc"]), explain(details, model)


def _path_in(tree: Any, location: tuple[str | int, ...]) -> KeyPath:
    """Return `location` without the parts that pydantic adds: the type of a tagged entry, the mark of a key."""
    path: KeyPath = ()
    for place, part in enumerate(location, start=1):
        members = dict(enumerate(tree)) if isinstance(tree, tuple) else tree
        if isinstance(members, dict) and part in members:
            path, tree = (*path, part), members[part]
        elif place == len(location) and part != "[key]":
            path = (*path, part)
    return path


def _unknown_names(tree: dict[str, Any], known_streams: Collection[str]) -> Iterator[KeyFinding]:
    streams, jobs = _entries(tree, "streams"), _entries(tree, "jobs")
    own = {name for name, options in streams.items() if isinstance(options, dict) and "path" in options}
    known = {*known_streams, *own}
    for name in streams.keys() - own - known:
        yield ("streams", name), f"unknown stream{did_you_mean(name, known) or '; one of your own needs path'}"
    for name in own & set(known_streams):
        yield ("streams", name), "is the name of a shipped stream; give yours another"
    for name, options in jobs.items():
        for index, pattern in enumerate(_patterns(options)):
            if not _chooses_any(pattern, known):
                yield ("jobs", name, "streams", index), f"unknown stream{did_you_mean(pattern, known)}"


def _entries(tree: dict[str, Any], key: str) -> dict[str, Any]:
    section = tree.get(key)
    return section if isinstance(section, dict) else {}


def _patterns(options: Any) -> tuple[str, ...]:
    patterns = options.get("streams") if isinstance(options, dict) else None
    return tuple(str(pattern) for pattern in patterns) if isinstance(patterns, tuple) else ()


def _chooses_any(pattern: str, known: Collection[str]) -> bool:
    return pattern.startswith("tag:") or any(fnmatchcase(name, pattern) for name in known)
