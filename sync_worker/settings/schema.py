"""The keys of `config.yaml` with their types, defaults and meanings; reads no file and no environment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from sync_worker.settings.values import (
    LONGEST_DAYS,
    LONGEST_SECONDS,
    ApiPath,
    ApiUrl,
    Boolean,
    ClientId,
    ClientSecret,
    CopyUrl,
    Day,
    Duration,
    Entry,
    ExistingFile,
    Ids,
    Integer,
    LocalPath,
    Maybe,
    Name,
    Number,
    PostgresUrl,
    ProxyUrl,
    Secret,
    Text,
    TimeZone,
    passwords_in,
)

ENVIRONMENTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "production": ("https://login.procore.com", "https://api.procore.com"),
        "sandbox": ("https://login-sandbox.procore.com", "https://sandbox.procore.com"),
        "monthly_sandbox": ("https://login-sandbox-monthly.procore.com", "https://api-monthly.procore.com"),
        "federal": ("https://login.procoregov.com", "https://api.procoregov.com"),
    }
)
"""Login and API address of each environment of Procore; the credentials of one do not work in another."""


class Section(BaseModel):
    """A mapping in `config.yaml`; a key without a value counts as absent."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", use_attribute_docstrings=True)

    # `proxy:` without a value is null in YAML, which strict types would reject.
    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        return {key: value for key, value in data.items() if value is not None} if isinstance(data, dict) else data


class Projects(Section):
    """The choice of projects that are read."""

    include: Ids = ()
    """Ids of the projects to read; empty for all that the credentials may see."""
    exclude: Ids = ()
    """Ids of projects to leave out."""
    inactive: Boolean = False
    """True to read inactive projects too."""


class ProcoreSettings(Section):
    """The Procore to read from: its environment, the credentials and the companies."""

    environment: Literal["production", "sandbox", "monthly_sandbox", "federal", "custom"] = "production"
    login_url: ApiUrl = ""
    """Only for `custom`; the other environments have fixed ones."""
    api_url: ApiUrl = ""
    """Only for `custom`; the other environments have fixed ones."""
    client_id: ClientId
    client_secret: ClientSecret
    companies: Annotated[Ids, Field(min_length=1)]
    """Ids of the companies to read."""
    projects: Projects = Projects()
    start_date: Maybe[Day] = None
    """First day of daily logs; by default a year before the earlier of a project's start and creation."""
    proxy: Maybe[ProxyUrl] = None
    ca_bundle: Maybe[ExistingFile] = None
    """File of certificates to trust instead of the public ones."""

    @model_validator(mode="before")
    @classmethod
    def _known_addresses(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        environment = data.get("environment") or "production"
        addresses = ENVIRONMENTS.get(environment) if isinstance(environment, str) else None
        return data if addresses is None else {**data, "login_url": addresses[0], "api_url": addresses[1]}

    @model_validator(mode="after")
    def _custom_has_addresses(self) -> ProcoreSettings:
        if not self.login_url or not self.api_url:
            raise ValueError("environment custom needs login_url and api_url")
        return self


class LimitSettings(Section):
    """The limits on requests to Procore."""

    budget_share: Annotated[Number, Field(gt=0, le=1)] = 0.8
    """Share of the announced allowance; the rest is for other users of the same app."""
    max_concurrency: Annotated[Integer, Field(ge=1, le=64)] = 4
    """Requests in progress at one time."""
    request_timeout: Annotated[Number, Field(ge=1, le=3600)] = 60.0
    """Seconds for a whole request, including the body."""


class RetentionSettings(Section):
    """The time that history is kept; the latest verdict of each scope is always kept."""

    runs: Duration = Field(default="90d", validate_default=True)
    scopes: Duration = Field(default="14d", validate_default=True)
    reports: Duration = Field(default="2y", validate_default=True)


class DestinationSettings(Section):
    """The database that the rows are written to."""

    type: Literal["sqlite", "postgres"] = "sqlite"
    path: LocalPath = Field(default=Path("data/procore.db"), validate_default=True)
    """The SQLite file."""
    url: Maybe[PostgresUrl] = None
    """The PostgreSQL database."""
    schema_: Name = Field(default="procore", alias="schema")
    """The PostgreSQL schema."""

    @model_validator(mode="after")
    def _postgres_has_url(self) -> DestinationSettings:
        if self.type == "postgres" and self.url is None:
            raise ValueError("type postgres needs url")
        return self


class Parquet(Section):
    """A folder or bucket with one folder of Parquet files per stream."""

    type: Literal["parquet"]
    url: CopyUrl


class DuckDB(Section):
    """One DuckDB file."""

    type: Literal["duckdb"]
    path: LocalPath


class Delivery(Section):
    """The recipients of a report."""

    url: Secret
    """An Apprise URL, such as mailto://."""
    projects: Ids = ()


class JobOptions(Section):
    """The schedule and options of a job; with `kind` the job is declared here."""

    kind: Literal["sync", "report"] | None = None
    enabled: Boolean = True
    """False to leave the job out: it has no schedule, and runs only by its name."""
    schedule: Text | None = None
    """Five cron fields, in quotes."""
    timezone: TimeZone | None = None
    streams: tuple[Text, ...] = ()
    """Names, globs or `tag:` of the streams a sync job reads."""
    projects: Ids = ()
    report: Text | None = None
    """The report that a report job makes, such as `rfi_ageing`."""
    formats: tuple[Literal["html", "xlsx", "pdf", "csv", "json"], ...] = ()
    """By default html, csv and, if its library is installed, xlsx."""
    deliver: tuple[Delivery, ...] = ()
    """Not built yet."""

    @model_validator(mode="after")
    def _says_what_it_does(self) -> JobOptions:
        if self.kind == "sync" and not self.streams:
            raise ValueError("kind sync needs streams")
        if self.kind == "report" and self.report is None:
            raise ValueError("kind report needs report")
        if self.kind == "report" and self.streams:
            raise ValueError("streams: only for kind sync; a report knows its own")
        if self.kind == "sync" and (self.report or self.formats or self.deliver):
            raise ValueError("report, formats, deliver: only for kind report")
        return self


class RereadOptions(Section):
    """The days of a daily log that are read again, as nothing shows which of them were edited."""

    days: Annotated[Integer, Field(ge=0, le=LONGEST_DAYS)] = 14
    """Number of days that every run reads."""
    weekly_days: Annotated[Integer, Field(ge=0, le=LONGEST_DAYS)] = 90
    """Number of days that are read once a week."""
    everything_days: Annotated[Integer, Field(ge=1, le=LONGEST_DAYS)] = 30
    """Interval in days at which the whole log is read."""


FieldTypeName = Literal["integer", "string", "boolean", "date", "datetime", "decimal", "object", "array"]


class CursorOptions(Section):
    """The filter of an incremental stream of the user's own."""

    field: Text
    param: Text | None = None
    """The query parameter, by default `filters[<field>]`."""
    syntax: Literal["range", "after"] = "range"


def _cursor(value: object) -> object:
    return {"field": value} if isinstance(value, str) else value


class ParentOptions(Section):
    """The parent of a nested stream of the user's own, which has one list for each parent record."""

    stream: Name
    param: Name
    """Name of the parent's id in `path` or `query`, and of the column that holds it."""
    key: Text = "id"
    """Column of the parent that has the id."""


class DateWindowOptions(Section):
    """The query parameters for the first and the last day of a request, both inclusive."""

    start_param: Text = "start_date"
    end_param: Text = "end_date"


def _date_window(value: object) -> object:
    return {True: {}, False: None}.get(value, value) if isinstance(value, bool) else value


class StreamSettings(Section):
    """Changed options of a shipped stream, or, with `path`, a stream of the user's own."""

    per_page: Annotated[Integer, Field(ge=1, le=10_000)] | None = None
    lookback: Annotated[Integer, Field(ge=0, le=LONGEST_SECONDS)] | None = None
    """Seconds read again before the high-water mark."""
    start_date: Maybe[Day] = None
    reread: RereadOptions = RereadOptions()
    """For daily logs."""
    max_pages: Annotated[Integer, Field(ge=1, le=1_000_000)] = 500
    """Most pages of one request for a daily log; a longer one is split into halves."""
    full_refresh_every: Duration = Field(default="6h", validate_default=True)
    """Interval at which schedules read a list that can only be read in full."""
    nested_everything_every: Duration | None = None
    """Interval at which a nested list is read for all parents, not only for changed ones; by default 7d, or
    `full_refresh_every` if the parents have no cursor."""
    exclude_fields: tuple[Text, ...] = ()
    deletes: Literal["soft", "ignore"] = "soft"
    """`soft` to mark a row when its record is deleted in Procore."""
    reconcile_every: Duration = Field(default="7d", validate_default=True)
    """Interval at which an incremental list is read in full, to detect deletes."""
    deleted_every: Duration = Field(default="6h", validate_default=True)
    """Interval at which schedules read the tool's own list of deleted records, if it has one."""
    path: ApiPath | None = None
    scope: Literal["company", "project"] | None = None
    primary_key: tuple[Text, ...] = ()
    cursor: Annotated[CursorOptions, BeforeValidator(_cursor, json_schema_input_type=str | CursorOptions)] | None = None
    date_window: (
        Annotated[DateWindowOptions, BeforeValidator(_date_window, json_schema_input_type=bool | DateWindowOptions)]
        | None
    ) = None
    """For lists that are requested by date, as daily logs are; `true` for start_date and end_date."""
    parent: ParentOptions | None = None
    fields: Mapping[str, FieldTypeName] = Field(default_factory=dict)
    query: Mapping[str, str] = Field(default_factory=dict)
    envelope: Literal["array", "data"] | None = None
    volatile: tuple[Text, ...] = ()
    """JSON paths of signed URLs, which change on every read."""
    tool: Text | None = None
    """The Procore tool whose permission it needs."""
    tags: tuple[Text, ...] = ()
    sensitive: Boolean = False

    @model_validator(mode="after")
    def _own_stream_is_whole(self) -> StreamSettings:
        own = self.model_fields_set & _OWN_STREAM_KEYS
        if self.path is None and own:
            raise ValueError(f"{', '.join(sorted(own))}: only for a stream of your own, which needs path")
        if self.path is not None and (self.scope is None or not self.primary_key):
            raise ValueError("a stream of your own needs scope and primary_key as well as path")
        return self


_OWN_STREAM_KEYS = frozenset(
    {
        "scope",
        "primary_key",
        "cursor",
        "date_window",
        "parent",
        "fields",
        "query",
        "envelope",
        "volatile",
        "tool",
        "tags",
        "sensitive",
    }
)


class Server(Section):
    """The address of the daemon's HTTP server."""

    host: Text = "127.0.0.1"
    port: Annotated[Integer, Field(ge=0, le=65535)] = 8791
    token: Maybe[Secret] = None
    """Gives access to data and actions."""
    webhook_secret: Maybe[Secret] = None
    """Not built yet."""


NotificationKind = Literal["failure", "recovery", "stale", "held_deletes", "schema_change", "digest"]


class Notifier(Section):
    """A receiver of notifications."""

    url: Secret
    """An Apprise URL."""
    on: tuple[NotificationKind, ...] = ("failure", "recovery", "stale", "held_deletes")


class Settings(Section):
    """All of `config.yaml`."""

    procore: ProcoreSettings
    limits: LimitSettings = LimitSettings()
    data_dir: LocalPath = Field(default=Path("data"), validate_default=True)
    """Folder of the heartbeat, locks, spool and report archive."""
    jobs_dir: LocalPath = Field(default=Path("jobs"), validate_default=True)
    """Folder of the user's jobs; these replace shipped ones of the same name."""
    retention: RetentionSettings = Field(default_factory=RetentionSettings)
    destination: DestinationSettings = Field(default_factory=dict, validate_default=True)
    publish: tuple[Annotated[Parquet | DuckDB, Field(discriminator="type")], ...] = ()
    """Copies for analysts, made after a run; not built yet."""
    jobs: Mapping[Name, Entry[JobOptions]] | None = None
    """Changed options of shipped jobs, and jobs of the user's own; all others run on their own schedules."""
    streams: Mapping[Name, Entry[StreamSettings]] = Field(default_factory=dict)
    """Changed options of streams, and streams of the user's own."""
    server: Server = Server()
    notify: tuple[Notifier, ...] = ()
    """Not built yet."""

    def secret_values(self) -> Iterator[str]:
        """Yield the secrets in these settings, and the passwords inside URLs."""
        for secret in _secrets(self):
            yield secret
            yield from passwords_in(secret)


class LocalSettings(Section):
    """The part of `config.yaml` that is enough to read stored data: its location and its streams."""

    data_dir: LocalPath = Field(default=Path("data"), validate_default=True)
    destination: DestinationSettings = Field(default_factory=dict, validate_default=True)
    streams: Mapping[Name, Entry[StreamSettings]] = Field(default_factory=dict)


class ReportedProcore(Section):
    """The part of `procore` that says what is read: its companies and the choice of projects."""

    companies: Ids = ()
    """Empty if a variable in it is not set, as reading stored data needs no environment of a run."""
    projects: Projects = Projects()


class ReportSettings(LocalSettings):
    """The part of `config.yaml` that says what is read and reported; it has no credentials."""

    procore: ReportedProcore = ReportedProcore()
    data_dir: LocalPath = Field(default=Path("data"), validate_default=True)
    jobs_dir: LocalPath = Field(default=Path("jobs"), validate_default=True)
    retention: RetentionSettings = Field(default_factory=RetentionSettings)
    jobs: Mapping[Name, Entry[JobOptions]] | None = None


def _secrets(value: object) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for _, member in value:
            yield from _secrets(member)
    elif isinstance(value, Mapping):
        yield from _secrets(tuple(value.values()))
    elif isinstance(value, tuple):
        for member in value:
            yield from _secrets(member)
