"""Every key of `config.yaml` with its type, default and meaning; no file, no environment."""

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
"""Login and API address of each environment of Procore's; credentials never cross environments."""


class Section(BaseModel):
    """A mapping of `config.yaml`; a key without a value counts as left out."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        return {key: value for key, value in data.items() if value is not None} if isinstance(data, dict) else data


class Projects(Section):
    """The choice of projects that are read."""

    include: Ids = ()
    """Ids of the only projects to read; empty: all that the credentials may see."""
    exclude: Ids = ()
    """Ids of projects to leave out."""
    inactive: Boolean = False
    """Whether inactive projects are read too."""


class ProcoreSettings(Section):
    """The Procore to read from: its environment, the credentials and the companies."""

    environment: Literal["production", "sandbox", "monthly_sandbox", "federal", "custom"] = "production"
    login_url: ApiUrl = ""
    """For `custom` alone; the others know theirs."""
    api_url: ApiUrl = ""
    """For `custom` alone; the others know theirs."""
    client_id: ClientId
    client_secret: ClientSecret
    companies: Annotated[Ids, Field(min_length=1)]
    """Ids of the companies to read."""
    projects: Projects = Projects()
    start_date: Maybe[Day] = None
    """Daily logs reach back to here; else to the earlier of a project's start and creation."""
    proxy: Maybe[ProxyUrl] = None
    ca_bundle: Maybe[ExistingFile] = None
    """A file of certificates to trust instead of the public ones."""

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
    """Requests under way at one time."""
    request_timeout: Annotated[Number, Field(ge=1, le=3600)] = 60.0
    """Seconds for a request in all, body included."""


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
    schedule: Text | None = None
    """Five cron fields, in quotes."""
    timezone: TimeZone | None = None
    streams: tuple[Text, ...] = ()
    """Names, globs or `tag:` of the streams a sync job reads."""
    projects: Ids = ()
    report: Text | None = None
    """Which report a report job makes: `rfi_ageing`."""
    formats: tuple[Literal["html", "xlsx", "pdf", "csv", "json"], ...] = ()
    """html, csv and, where it can be made, xlsx, unless said."""
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
    """The days of a daily log that are read again: nothing shows which of them were edited."""

    days: Annotated[Integer, Field(ge=0, le=LONGEST_DAYS)] = 14
    """At every pass, the last so many days."""
    weekly_days: Annotated[Integer, Field(ge=0, le=LONGEST_DAYS)] = 90
    """Once a week, the last so many days."""
    everything_days: Annotated[Integer, Field(ge=1, le=LONGEST_DAYS)] = 30
    """Every so many days, all of it."""


FieldTypeName = Literal["integer", "string", "boolean", "date", "datetime", "decimal", "object", "array"]


class CursorOptions(Section):
    """The filter of an incremental stream of the user's own."""

    field: Text
    param: Text | None = None
    """The query parameter; `filters[<field>]` unless said."""
    syntax: Literal["range", "after"] = "range"


def _cursor(value: object) -> object:
    return {"field": value} if isinstance(value, str) else value


class ParentOptions(Section):
    """The stream for each of whose records a nested stream of the user's own is read."""

    stream: Name
    param: Name
    """What the parent's id is called in `path` or `query`, and the column that holds it."""
    key: Text = "id"
    """The parent's column that holds that id."""


class DateWindowOptions(Section):
    """The query parameters by which a stream of the user's own is requested for days, both inclusive."""

    start_param: Text = "start_date"
    end_param: Text = "end_date"


def _date_window(value: object) -> object:
    return {True: {}, False: None}.get(value, value) if isinstance(value, bool) else value


class StreamSettings(Section):
    """The differences for a shipped stream, or, with `path`, a whole stream of the user's own."""

    per_page: Annotated[Integer, Field(ge=1, le=10_000)] | None = None
    lookback: Annotated[Integer, Field(ge=0, le=LONGEST_SECONDS)] | None = None
    """Seconds read again before the high-water mark."""
    start_date: Maybe[Day] = None
    reread: RereadOptions = RereadOptions()
    """For daily logs."""
    max_pages: Annotated[Integer, Field(ge=1, le=1_000_000)] = 500
    """A daily log of more pages is read in halves."""
    full_refresh_every: Duration = Field(default="6h", validate_default=True)
    """How often schedules read a list that can only be read whole."""
    nested_everything_every: Duration | None = None
    """How often a nested list is read for all parents, not only for those that moved; 7d unless said, or, where
    nothing tells that a parent moved, as often as `full_refresh_every`."""
    exclude_fields: tuple[Text, ...] = ()
    deletes: Literal["soft", "ignore"] = "soft"
    """Whether a row is marked when its record is deleted in Procore."""
    reconcile_every: Duration = Field(default="7d", validate_default=True)
    """How often a list that is read by its changes is read whole, to find what was deleted."""
    deleted_every: Duration = Field(default="6h", validate_default=True)
    """How often schedules ask for the tool's own list of deleted records, where it has one."""
    path: ApiPath | None = None
    scope: Literal["company", "project"] | None = None
    primary_key: tuple[Text, ...] = ()
    cursor: Annotated[CursorOptions, BeforeValidator(_cursor, json_schema_input_type=str | CursorOptions)] | None = None
    date_window: (
        Annotated[DateWindowOptions, BeforeValidator(_date_window, json_schema_input_type=bool | DateWindowOptions)]
        | None
    ) = None
    """For lists that answer by date, as daily logs do; `true` for start_date and end_date."""
    parent: ParentOptions | None = None
    fields: Mapping[str, FieldTypeName] = Field(default_factory=dict)
    query: Mapping[str, str] = Field(default_factory=dict)
    envelope: Literal["array", "data"] | None = None
    volatile: tuple[Text, ...] = ()
    """JSON paths of signed URLs, which change at every read."""
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
            raise ValueError("a stream of your own needs scope and primary_key beside path")
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
    """The address at which the daemon answers HTTP."""

    host: Text = "127.0.0.1"
    port: Annotated[Integer, Field(ge=0, le=65535)] = 8791
    token: Maybe[Secret] = None
    """Whoever has it may see data and act."""
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
    """Heartbeat, locks, spool, report archive."""
    jobs_dir: LocalPath = Field(default=Path("jobs"), validate_default=True)
    """Looked in first, then among the shipped jobs."""
    retention: RetentionSettings = Field(default_factory=RetentionSettings)
    destination: DestinationSettings = Field(default_factory=dict, validate_default=True)
    publish: tuple[Annotated[Parquet | DuckDB, Field(discriminator="type")], ...] = ()
    """Copies for analysts, made after a run; not built yet."""
    jobs: Mapping[Name, Entry[JobOptions]] | None = None
    """Absent: all jobs with their own schedules; present: these alone."""
    streams: Mapping[Name, Entry[StreamSettings]] = Field(default_factory=dict)
    """What differs for a stream, and streams of the user's own."""
    server: Server = Server()
    notify: tuple[Notifier, ...] = ()
    """Not built yet."""

    def secret_values(self) -> Iterator[str]:
        """Every secret these settings hold, and the passwords inside addresses."""
        for secret in _secrets(self):
            yield secret
            yield from passwords_in(secret)


class LocalSettings(Section):
    """The part of `config.yaml` that says where the data is and of which streams: enough to read the data."""

    data_dir: LocalPath = Field(default=Path("data"), validate_default=True)
    destination: DestinationSettings = Field(default_factory=dict, validate_default=True)
    streams: Mapping[Name, Entry[StreamSettings]] = Field(default_factory=dict)


class ReportedProcore(Section):
    """The part of `procore` that says which projects are reported."""

    projects: Projects = Projects()


class ReportSettings(LocalSettings):
    """The part of `config.yaml` that making reports takes: no credentials among it."""

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
