"""The types of values of keys; each has a one-line message that says what it expects."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import SplitResult, unquote, urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    SecretStr,
    ValidationInfo,
    WithJsonSchema,
)

from sync_worker.loopback import is_loopback
from sync_worker.settings.problems import did_you_mean

MASK = "********"

_DAYS = {"h": 1 / 24, "d": 1, "w": 7, "y": 365}
# A duration added to today, or subtracted, must stay within Python's calendar.
_LONGEST = timedelta(days=100 * 365)
LONGEST_DAYS = _LONGEST.days
LONGEST_SECONDS = _LONGEST.days * 86_400
_FIRST_DAY, _LAST_DAY = date(1900, 1, 1), date(2100, 12, 31)
_DURATION = re.compile(r"([1-9][0-9]{0,5})([hdwy])")
_QUOTES = "\"'`"
_CONNECTION_PASSWORD = re.compile(r"(?:^|\s)password\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(\S+))")


def _from_text(pattern: str, convert: type[int | float]) -> BeforeValidator:
    """Convert a number that came from a variable, and is therefore text."""

    def read(value: object) -> object:
        return convert(value) if isinstance(value, str) and re.fullmatch(pattern, value) else value

    return BeforeValidator(read, json_schema_input_type=convert | str)


def _boolean(value: object) -> object:
    return {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value


def _blank_is_none(value: object) -> object:
    return None if value == "" else value


def _none_is_empty(value: object) -> object:
    return {} if value is None else value


def _date(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("expected a date such as 2020-01-01") from None


def _within_calendar(value: date) -> date:
    if not _FIRST_DAY <= value <= _LAST_DAY:
        raise ValueError(f"expected a date from {_FIRST_DAY} to {_LAST_DAY}")
    return value


def _duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("expected a duration such as 12h, 90d, 6w or 2y")
    duration = timedelta(days=int(match[1]) * _DAYS[match[2]])
    if duration > _LONGEST:
        raise ValueError(f"must be at most {_duration_text(_LONGEST)}")
    return duration


def _duration_text(value: timedelta) -> str:
    days = value / timedelta(days=1)
    unit = next((unit for unit in "yd" if days % _DAYS[unit] == 0), "h")
    return f"{round(days / _DAYS[unit])}{unit}"


def _path(value: object, info: ValidationInfo) -> object:
    if value == "":
        raise ValueError("expected a path")
    if isinstance(value, str) and value.startswith("~"):
        raise ValueError("`~` is not expanded; write ${HOME} instead")
    folder: Path = (info.context or {}).get("folder", Path())
    return folder / value if isinstance(value, str | Path) else value


def _existing_file(value: Path) -> Path:
    if not value.is_file():
        raise ValueError(f"no such file: {value}")
    return value


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    twice = next((value for index, value in enumerate(values) if value in values[:index]), None)
    if twice is not None:
        raise ValueError(f"{twice} is here twice")
    return values


def _not_empty(value: SecretStr) -> SecretStr:
    if not value.get_secret_value():
        raise ValueError("must not be empty")
    return value


def _one_word(value: Any) -> Any:
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if len(text.split()) > 1:
        raise ValueError("must not have blanks or line breaks in it")
    if len(text) > 1 and text[0] == text[-1] and text[0] in _QUOTES:
        raise ValueError("has quotes around it that became part of it; remove them")
    return value


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        # Reading the port raises ValueError if it is not a number in range.
        _ = parts.port
    except ValueError:
        raise ValueError("expected a URL such as https://procore.example") from None
    return parts


def _api_url(value: str) -> str:
    parts = _split(value)
    # With these characters in a URL, parsers disagree about its host.
    if parts.query or parts.fragment or re.search(r"[\s\\@]", value):
        raise ValueError("expected only scheme, host and port, such as https://procore.example")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("expected a URL such as https://procore.example")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("must begin with https://; plain HTTP is only for loopback addresses")
    return value.rstrip("/")


def _proxy(value: SecretStr) -> SecretStr:
    url = value.get_secret_value()
    full = url if "://" in url else f"http://{url}"
    parts = _split(full)
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"\s", url):
        raise ValueError("expected a proxy such as http://proxy.example:3128")
    return SecretStr(full)


def _postgres_url(value: SecretStr) -> SecretStr:
    if not re.match(r"postgres(?:ql)?://.|\s*\w+\s*=", value.get_secret_value()):
        raise ValueError("expected an address such as postgresql://user:password@host/database")
    return value


def _copy_url(value: str, info: ValidationInfo) -> str:
    scheme, separator, _ = value.partition("://")
    if not separator:
        return str(_path(value, info))
    if scheme not in ("s3", "gs", "az"):
        raise ValueError("expected a folder, or a URL that begins with s3://, gs:// or az://")
    return value


def _timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        nearest = did_you_mean(value, available_timezones())
        raise ValueError(f"unknown time zone{nearest or '; expected a name such as America/Chicago'}") from None
    return value


def _api_path(value: str) -> str:
    if not re.fullmatch(r"/(?!/)[^\s\\?#]+", value):
        raise ValueError("expected a path such as /rest/v1.0/projects/{project_id}/rfis")
    return value


def passwords_in(address: str) -> list[str]:
    """Return the password of a URL or of a PostgreSQL connection string, as written and decoded."""
    found = [first or second for first, second in _CONNECTION_PASSWORD.findall(address)]
    if "://" in address:
        # From the right: a password may contain an unescaped @.
        userinfo, at, _ = address.partition("://")[2].rpartition("@")
        found += [userinfo.partition(":")[2]] if at else []
    return [form for password in found if password for form in (password, unquote(password))]


T = TypeVar("T")

Maybe = Annotated[T | None, BeforeValidator(_blank_is_none)]
"""A value that counts as absent if a variable with an empty default is not set."""
Entry = Annotated[T, BeforeValidator(_none_is_empty)]
"""A section that may be given as only a name."""

Text = Annotated[str, Field(min_length=1)]
Integer = Annotated[int, _from_text(r"-?[0-9]{1,18}", int)]
Number = Annotated[float, _from_text(r"-?[0-9]{1,18}(?:\.[0-9]{1,18})?", float), Field(allow_inf_nan=False)]
Boolean = Annotated[bool, BeforeValidator(_boolean, json_schema_input_type=bool | str)]
Id = Annotated[int, _from_text(r"[1-9][0-9]{0,18}", int), Field(ge=1, lt=2**63)]
Ids = Annotated[tuple[Id, ...], AfterValidator(_distinct)]
Day = Annotated[date, BeforeValidator(_date), AfterValidator(_within_calendar)]
Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(_duration_text),
    WithJsonSchema({"type": "string", "pattern": f"^{_DURATION.pattern}$"}),
]
Secret = Annotated[SecretStr, AfterValidator(_not_empty), PlainSerializer(lambda _: MASK, return_type=str)]
ClientId = Annotated[Text, AfterValidator(_one_word)]
ClientSecret = Annotated[Secret, AfterValidator(_one_word)]
ProxyUrl = Annotated[Secret, AfterValidator(_proxy)]
PostgresUrl = Annotated[Secret, AfterValidator(_postgres_url)]
LocalPath = Annotated[Path, BeforeValidator(_path)]
ExistingFile = Annotated[LocalPath, AfterValidator(_existing_file)]
ApiUrl = Annotated[str, AfterValidator(_api_url)]
ApiPath = Annotated[str, AfterValidator(_api_path)]
CopyUrl = Annotated[Text, AfterValidator(_copy_url)]
TimeZone = Annotated[str, AfterValidator(_timezone)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
"""A name that is used for a table, for a file or in a URL."""
