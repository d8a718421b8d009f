"""Every number, duration and date of the configuration has bounds that the program can live with."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from sync_worker.settings import Settings, SettingsError, load_settings

STREAM, JOB = "manpower_logs", "mine"
NAMES = {"streams": STREAM, "jobs": JOB}
NOW = datetime(2026, 11, 28, tzinfo=UTC)
PROCORE = {"client_id": "x", "client_secret": "s3cret-value", "companies": [11]}


class Key(NamedTuple):
    """A key of the schema that takes a number, a duration or a date; `[]` in its path is an item of a list."""

    path: tuple[str, ...]
    kind: str


@cache
def keys() -> list[Key]:
    """All of them, as `config schema` prints them."""
    schema = Settings.model_json_schema()
    return sorted(set(_keys(schema, schema, ())))


def _keys(schema: Mapping[str, Any], node: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Key]:
    if "$ref" in node:
        yield from _keys(schema, schema["$defs"][node["$ref"].rpartition("/")[2]], path)
    for choice in (*node.get("anyOf", ()), *node.get("allOf", ())):
        yield from _keys(schema, choice, path)
    for name, inner in node.get("properties", {}).items():
        yield from _keys(schema, inner, (*path, name))
    for entry in node.get("patternProperties", {}).values():
        yield from _keys(schema, entry, (*path, NAMES[path[-1]]))
    if isinstance(item := node.get("items"), dict):
        yield from _keys(schema, item, (*path, "[]"))
    if node.get("type") in ("integer", "number"):
        yield Key(path, node["type"])
    elif node.get("format") == "date":
        yield Key(path, "date")
    elif "[hdwy]" in node.get("pattern", ""):
        yield Key(path, "duration")


def written(key: Key, value: object) -> dict[str, Any]:
    """Return a configuration with that value at the key."""
    tree: Any = value
    for part in reversed(key.path):
        tree = [tree] if part == "[]" else {part: tree}
    ((section, inner),) = tree.items()
    plain: dict[str, Any] = {"procore": PROCORE, "jobs": {JOB: {"kind": "sync", "streams": ["rfis"]}}}
    whole = plain | {section: _merged(plain.get(section, {}), inner)}
    if "deliver" in key.path:
        whole["jobs"] = {JOB: {"kind": "report", "report": "r", "deliver": [{"url": "x://y", "projects": [value]}]}}
    return whole


def _merged(plain: Any, inner: Any) -> Any:
    if not isinstance(plain, dict) or not isinstance(inner, dict):
        return inner
    return plain | {name: _merged(plain.get(name), each) for name, each in inner.items()}


def loaded(config: Mapping[str, Any]) -> Settings:
    with TemporaryDirectory() as folder:
        path = Path(folder, "config.json")
        path.write_text(json.dumps(config))
        return load_settings(path, {}, ["rfis", STREAM])


EXTREMES: Mapping[str, list[object]] = {
    "integer": [0, -1, 1, 2**31, 2**63 - 1, 2**63, 10**10, 10**18, 10**400, 0.5, "9" * 18, "9" * 5000],
    "number": [0, -1, 1, 1e308, 5e-324, -0.0, math.inf, math.nan, "1e308", "9" * 18, "0." + "0" * 17 + "1"],
    "date": ["0001-01-01", "1900-01-01", "2100-12-31", "9999-12-31", "2020-02-30", "99999-01-01", "-1-01-01"],
    "duration": ["0d", "-1d", "1h", "999999h", "999999d", "999999w", "999999y", "100y", "101y", "9999999y", "0.5d"],
}
ANYTHING = st.one_of(
    st.integers(), st.floats(), st.dates().map(str), st.from_regex(r"\A[0-9]{1,7}[hdwy]\Z"), st.text(max_size=8)
)


def numbers_in(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], object]]:
    """Every number, duration and date of settings, with its path."""
    if isinstance(value, BaseModel):
        for name, inner in value:
            yield from numbers_in(inner, (*path, name))
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from numbers_in(inner, (*path, str(name)))
    elif isinstance(value, tuple):
        for inner in value:
            yield from numbers_in(inner, (*path, "[]"))
    elif isinstance(value, int | float | timedelta | date) and not isinstance(value, bool):
        yield path, value


def test_the_schema_has_the_keys_that_are_tried() -> None:
    assert {
        Key(("limits", "request_timeout"), "number"),
        Key(("retention", "reports"), "duration"),
        Key(("procore", "start_date"), "date"),
        Key(("streams", STREAM, "reread", "weekly_days"), "integer"),
        Key(("streams", STREAM, "nested_everything_every"), "duration"),
        Key(("jobs", JOB, "projects", "[]"), "integer"),
    } <= set(keys())
    assert len(keys()) > 20


@pytest.mark.parametrize("key", keys(), ids=lambda key: ".".join(key.path))
def test_an_extreme_value_is_refused_in_one_line_or_can_be_reckoned_with(key: Key) -> None:
    for value in EXTREMES[key.kind]:
        refuse_or_reckon(key, value)


@given(st.sampled_from(keys()), ANYTHING)
def test_any_other_value_is_refused_in_one_line_or_can_be_reckoned_with(key: Key, value: object) -> None:
    refuse_or_reckon(key, value)


def refuse_or_reckon(key: Key, value: object) -> None:
    """Load a configuration with `value` at `key`, and where that is taken, reckon with it as the program does."""
    try:
        settings = loaded(written(key, value))
    except SettingsError as error:
        (line,) = str(error).splitlines()
        assert f": {key.path[0]}.{key.path[1]}" in line
        return
    for path, found in numbers_in(settings):
        match found:
            case timedelta():
                assert datetime.min.replace(tzinfo=UTC) < NOW - found < NOW + found, path
            case date():
                assert timedelta(days=-366 * 1000) < found - NOW.date() < timedelta(days=366 * 1000), path
            case int() if "lookback" in path:
                assert NOW - timedelta(seconds=found) < NOW + timedelta(seconds=1), path
            case int() if path[-1].endswith("days"):
                assert NOW - timedelta(days=found) < NOW + timedelta(days=1), path
            case int() | float():
                assert 0 <= found < 2**63, path


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"retention": {"runs": "999999y"}}, "retention.runs: must be at most 100y"),
        ({"streams": {STREAM: {"reconcile_every": "36501d"}}}, "reconcile_every: must be at most 100y"),
        ({"procore": {"start_date": "9999-12-31"}}, "start_date: expected a date from 1900-01-01 to 2100-12-31"),
        ({"procore": {"start_date": "0001-01-01"}}, "start_date: expected a date from 1900-01-01 to 2100-12-31"),
        ({"limits": {"request_timeout": 1e308}}, "limits.request_timeout: must be at most 3600"),
        ({"limits": {"request_timeout": 0}}, "limits.request_timeout: must be at least 1"),
        ({"limits": {"request_timeout": math.nan}}, "limits.request_timeout: expected a number"),
        ({"limits": {"max_concurrency": 100_000}}, "limits.max_concurrency: must be at most 64"),
        ({"limits": {"budget_share": 1.5}}, "limits.budget_share: must be at most 1"),
        ({"server": {"port": 65536}}, "server.port: must be at most 65535"),
        ({"streams": {STREAM: {"lookback": 10**18}}}, "lookback: must be at most 3153600000"),
        ({"streams": {STREAM: {"per_page": 0}}}, "per_page: must be at least 1"),
        ({"streams": {STREAM: {"per_page": 10**9}}}, "per_page: must be at most 10000"),
        ({"streams": {STREAM: {"max_pages": 10**9}}}, "max_pages: must be at most 1000000"),
        ({"streams": {STREAM: {"reread": {"days": 10**9}}}}, "reread.days: must be at most 36500"),
    ],
)
def test_what_is_out_of_bounds_is_told_what_is_allowed(section: dict[str, Any], message: str) -> None:
    config = {"procore": PROCORE} | {name: _merged({"procore": PROCORE}.get(name), it) for name, it in section.items()}

    with pytest.raises(SettingsError) as caught:
        loaded(config)

    assert str(caught.value).endswith(message)
