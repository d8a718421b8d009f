"""The configuration file as plain values, each with its line; knows YAML but not what the settings mean.

Only the words of YAML 1.2: `on`, `yes` and `0123` are text, as the author meant them. No tag is ever executed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import yaml

from sync_worker.settings.problems import KeyFinding, KeyPath, SettingsError, SettingsProblem, dotted
from sync_worker.settings.textfile import TextFileError, read_text

Value = dict[str, "Value"] | tuple["Value", ...] | str | int | float | bool | None

_TAG = "tag:yaml.org,2002:"
_SURROGATES = re.compile("[\ud800-\udfff]")
_MOST_KILOBYTES = 1024
# Aliases multiply: ten lines can stand for a billion values ("billion laughs").
_MOST_VALUES = 100_000


class _Loader(yaml.SafeLoader):
    """Loader that knows only the words that YAML 1.2 shares with JSON; dates and everything else stay text."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}  # type: ignore[misc]


_Loader.add_implicit_resolver(f"{_TAG}null", re.compile(r"(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver(f"{_TAG}bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
# A number with leading zeros, or too long for any key, stays text: it is an identifier.
_Loader.add_implicit_resolver(f"{_TAG}int", re.compile(r"-?(?:0|[1-9][0-9]{0,18})$"), list("-0123456789"))
_Loader.add_implicit_resolver(
    f"{_TAG}float",
    re.compile(r"-?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+))$"),
    list("-.0123456789"),
)


@dataclass(slots=True)
class YamlDocument:
    """A configuration file: its values, the line of every key, and the problems found while it was read."""

    file: str
    tree: dict[str, Value] = field(default_factory=dict)
    lines: dict[KeyPath, int] = field(default_factory=dict)
    problems: list[SettingsProblem] = field(default_factory=list)

    def line(self, path: KeyPath) -> int | None:
        """Return the line of `path`, or of the nearest key around it."""
        return next((self.lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in self.lines), None)

    def add_problem(self, path: KeyPath, message: str) -> None:
        """Add a problem at `path`."""
        self.problems.append(SettingsProblem(self.file, self.line(path), dotted(path), message))

    def add_problems(self, findings: Iterable[KeyFinding]) -> None:
        """Add `findings`, except for keys that have a problem already."""
        known = {problem.key for problem in self.problems}
        for path, message in findings:
            if dotted(path) not in known:
                known.add(dotted(path))
                self.add_problem(path, message)


def read_document(path: Path) -> YamlDocument:
    """Return the file's values with their lines; raises `SettingsError` if no document can be read from it."""
    text = _text(path)
    document = YamlDocument(str(path), lines={(): 1})
    try:
        # Composed and not loaded: only nodes know their lines.
        node = yaml.compose(_without_tabs(text), Loader=_Loader)
        tree = _Reader(document).value(node, ()) if node is not None else {}
    except yaml.YAMLError as error:
        raise SettingsError([_syntax_problem(str(path), error)]) from None
    except RecursionError:
        raise SettingsError([SettingsProblem(str(path), None, "", "is nested too deeply")]) from None
    if not isinstance(tree, dict):
        raise SettingsError([SettingsProblem(str(path), 1, "", "expected keys and values, such as `procore:`")])
    document.tree = tree
    return document


def _text(path: Path) -> str:
    try:
        return read_text(path, _MOST_KILOBYTES)
    except FileNotFoundError:
        message = "no such file; name another with --config or SYNC_WORKER_CONFIG"
    except TextFileError as error:
        message = str(error)
    raise SettingsError([SettingsProblem(str(path), None, "", message)])


def _without_tabs(text: str) -> str:
    """Replace tabs, which JSON allows as indentation and PyYAML does not; a JSON string cannot hold a raw one."""
    if "\t" not in text:
        return text
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    return text.replace("\t", " ")


def _syntax_problem(file: str, error: yaml.YAMLError) -> SettingsProblem:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return SettingsProblem(file, None, "", "is not valid YAML: it holds a character that no text file has")
    mark = error.problem_mark
    # Names of aliases, anchors and tags are left out: an unquoted secret may begin with `*`, `&` or `!`.
    what = re.sub(r" '(?!<)[^']{2,}'", "", error.problem or "cannot be read")
    return SettingsProblem(file, mark.line + 1, "", f"not valid YAML at column {mark.column + 1}: {what}{_hint(what)}")


def _hint(what: str) -> str:
    if "alias" in what:
        return '; put a value that begins with * in quotes: "* * * * *"'
    if "mapping values" in what:
        return "; put a value that holds `: ` in quotes, and check the indentation"
    if "cannot start any token" in what:
        return "; indent with spaces, and put a value that begins with such a character in quotes"
    return ""


class _Reader:
    """Converter of YAML nodes to plain values, which also records their lines."""

    def __init__(self, document: YamlDocument) -> None:
        self._document = document
        self._count = 0

    def value(self, node: yaml.Node, path: KeyPath) -> Value:
        self._count += 1
        if self._count > _MOST_VALUES:
            raise SettingsError([SettingsProblem(self._document.file, None, "", "holds too many values")])
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            return self._sequence(node, path)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        self._document.add_problem(path, "YAML tags are not allowed")
        return None

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._document.problems.append(
                    SettingsProblem(self._document.file, line, dotted(path), "a key must be text")
                )
                continue
            key = _joined_surrogates(key_node.value)
            # PyYAML would silently keep the last of two equal keys.
            if key in found:
                first = self._document.lines[*path, key]
                message = f"is here twice, first on line {first}"
                self._document.problems.append(
                    SettingsProblem(self._document.file, line, dotted((*path, key)), message)
                )
                continue
            self._document.lines[*path, key] = line
            found[key] = self.value(value_node, (*path, key))
        return found

    def _sequence(self, node: yaml.SequenceNode, path: KeyPath) -> tuple[Value, ...]:
        for index, item in enumerate(node.value):
            self._document.lines[*path, index] = item.start_mark.line + 1
        return tuple(self.value(item, (*path, index)) for index, item in enumerate(node.value))

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> Value:
        match node.tag.removeprefix(_TAG):
            case "str":
                return _joined_surrogates(node.value)
            case "int":
                return self._number(int, node.value, path)
            case "float":
                return self._number(float, node.value, path)
            case "bool":
                return str(node.value).lower() == "true"
            case "null":
                return None
        self._document.add_problem(path, "YAML tags are not allowed")
        return None

    def _number(self, type_: type[int | float], text: str, path: KeyPath) -> Value:
        try:
            return type_(text)
        except ValueError:
            self._document.add_problem(path, "expected a number")
            return None


def _joined_surrogates(text: str) -> str:
    """Join surrogates: JSON writes a character beyond U+FFFF as two escapes, which YAML reads as two characters."""
    if not _SURROGATES.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
