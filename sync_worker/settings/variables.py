"""`${NAME}`, `${NAME:-default}`, `${NAME:?message}` and `$$` in a value; variables in variables are not expanded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from sync_worker.settings.folder import NOWHERE, Folder
from sync_worker.settings.textfile import TextFileError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FORMS = "write ${NAME}, ${NAME:-default} or ${NAME:?message}, and $$ for a dollar sign"


class VariableError(ValueError):
    """A value cannot be filled in; the message names the variable, never its content."""


@dataclass(frozen=True, slots=True)
class Variable:
    """One `${…}`: `operator` is empty, `:-` or `:?`, and `rest` is what follows it."""

    name: str
    operator: str
    rest: Template


Template = tuple[str | Variable, ...]


class Filled(NamedTuple):
    """A value with its variables filled in, and the source of each variable."""

    text: str
    sources: tuple[str, ...]


def parse(text: str) -> Template:
    """Split the text into literal text and variables."""
    template, _ = _parse(text, 0, nested=False)
    return template


def fill(text: str, environ: Mapping[str, str], folder: Folder = NOWHERE) -> Filled:
    """Replace the variables in `text` by their values in `environ`, or by the content of the files that it names.

    Variables that `environ` lacks are looked up in the `.env` of `folder`.
    """
    return _fill(parse(text), environ, folder)


def _parse(text: str, position: int, *, nested: bool) -> tuple[Template, int]:
    pieces: list[str | Variable] = []
    while position < len(text):
        if text.startswith("$$", position):
            pieces.append("$")
            position += 2
        elif text.startswith("${", position):
            variable, position = _parse_variable(text, position + 2)
            pieces.append(variable)
        elif nested and text[position] == "}":
            return tuple(pieces), position
        else:
            pieces.append(text[position])
            position += 1
    if nested:
        raise VariableError(f"a ${{ has no }}: {_FORMS}")
    return tuple(pieces), position


def _parse_variable(text: str, position: int) -> tuple[Variable, int]:
    name = _NAME.match(text, position)
    if name is None:
        raise VariableError(f"a ${{ is followed by no name: {_FORMS}")
    operator = text[name.end() : name.end() + 2]
    if operator not in (":-", ":?"):
        operator = ""
    rest, end = _parse(text, name.end() + len(operator), nested=True)
    if rest and not operator:
        raise VariableError(f"${{{name.group()} is not followed by }}: {_FORMS}")
    return Variable(name.group(), operator, rest), end + 1


def _fill(template: Template, environ: Mapping[str, str], folder: Folder) -> Filled:
    filled = [Filled(piece, ()) if isinstance(piece, str) else _look_up(piece, environ, folder) for piece in template]
    return Filled("".join(each.text for each in filled), tuple(chain.from_iterable(each.sources for each in filled)))


def _look_up(variable: Variable, environ: Mapping[str, str], folder: Folder) -> Filled:
    name, file_name = variable.name, f"{variable.name}_FILE"
    # Both names are looked up in one place, so that a file in `.env` does not override a variable of the environment.
    is_given = name in environ or bool(environ.get(file_name))
    place, variables = ("the environment", environ) if is_given else (".env", folder.variables)
    value, file = variables.get(name), variables.get(file_name)
    if value and file:
        raise VariableError(f"{name} and {file_name} are both set; unset one of them")
    # Empty counts as unset in `${NAME:-…}` and `${NAME:?…}`, as in a shell.
    if value or (value is not None and not file and not variable.operator):
        return Filled(value, (f"{name} in {place}",))
    if file:
        return Filled(_content(file, file_name, folder), (f"the file that {file_name} names",))
    if variable.operator == ":-":
        default = _fill(variable.rest, environ, folder)
        return Filled(default.text, (f"the default, as {name} is not set", *default.sources))
    if variable.operator == ":?" and variable.rest:
        raise VariableError(f"{name} is not set: {_fill(variable.rest, environ, folder).text}")
    neither = f" ({folder.dotenv} does not have it)" if folder.variables else ""
    raise VariableError(f"{name} is not set; set it, or let {file_name} name a file that holds it{neither}")


def _content(file: str, file_name: str, folder: Folder) -> str:
    # The path stays out of messages: if somebody mixes up the two names, the secret itself is there.
    whose = f"the file that {file_name} names"
    try:
        content = folder.read_secret(file).rstrip("\r\n")
    except FileNotFoundError as error:
        tried = "" if file.startswith("/") else f"; a relative path begins at {folder.path.absolute()}"
        raise VariableError(f"{whose} cannot be read: {error.strerror}{tried}") from None
    except TextFileError as error:
        raise VariableError(f"{whose} {error}") from None
    if not content:
        raise VariableError(f"{whose} is empty")
    if content.startswith(f"{file_name.removesuffix('_FILE')}="):
        raise VariableError(f"{whose} also holds the name and an equals sign; leave only the value in it")
    return content
