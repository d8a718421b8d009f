"""The folder of a configuration: its `.env`, and the secret files that are named relative to it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from sync_worker.settings.dotenv import DotenvError, parse_dotenv
from sync_worker.settings.problems import SettingsError, SettingsProblem
from sync_worker.settings.textfile import TextFileError, read_text

_MOST_KILOBYTES = 64


class Folder:
    """The files next to a configuration, each read only when a variable needs it; without a path there are none."""

    def __init__(self, path: Path | None) -> None:
        self.path = path or Path()
        self.dotenv = self.path / ".env"
        self.read: set[Path] = set()
        """The files from which secrets may have come."""
        self._has_dotenv = path is not None

    @cached_property
    def variables(self) -> Mapping[str, str]:
        """The variables of `.env`; raises `SettingsError` for a line that cannot be read."""
        # Some people name their virtual environment `.env`.
        if not self._has_dotenv or self.dotenv.is_dir():
            return {}
        try:
            variables = parse_dotenv(read_text(self.dotenv, _MOST_KILOBYTES))
        except FileNotFoundError:
            return {}
        except TextFileError as error:
            raise SettingsError([SettingsProblem(str(self.dotenv), None, "", str(error))]) from None
        except DotenvError as error:
            raise SettingsError([SettingsProblem(str(self.dotenv), error.line, "", str(error))]) from None
        self.read.add(self.dotenv)
        return variables

    def read_secret(self, file: str) -> str:
        """Return the text of a secret file; raises as `read_text`."""
        path = self.path / file
        text = read_text(path, _MOST_KILOBYTES)
        self.read.add(path)
        return text


NOWHERE = Folder(None)
