"""What the documents show of streams can be used as it stands."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sync_worker.catalog import STREAMS, spec
from sync_worker.settings import load_local_settings
from sync_worker.settings.own_streams import catalog_with, findings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "adding-a-stream.md").read_text("utf-8")
FACTS = ROOT / "tests" / "data" / "core_streams.json"


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    return str(found)


def test_the_streams_shown_for_the_configuration_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(block("yaml"), "utf-8")

    settings = load_local_settings(file, {}, STREAMS, lambda found: findings(found.streams))

    assert catalog_with(settings.streams).keys() - STREAMS.keys() == settings.streams.keys()


def test_the_stream_shown_for_the_catalog_is_one() -> None:
    names: dict[str, object] = {**vars(spec)}
    exec(block("python"), names)  # noqa: S102 - the document is ours

    assert isinstance(names["TOOLBOX_TALKS"], spec.StreamSpec)


def test_the_facts_shown_are_those_of_the_stream_shown() -> None:
    names: dict[str, Any] = {**vars(spec)}
    exec(block("python"), names)  # noqa: S102 - the document is ours
    stream, facts = names["TOOLBOX_TALKS"], json.loads(block("json"))

    assert all(facts.keys() == others.keys() for others in json.loads(FACTS.read_text("utf-8")))
    assert (facts["stream"], facts["path"], facts["mode"]) == (stream.name, stream.path, stream.mode)
    assert facts["fields"] == dict(stream.fields)


@pytest.mark.parametrize("field", spec.FieldType)
def test_every_type_of_a_field_is_told(field: spec.FieldType) -> None:
    assert f"`{field}`" in TEXT
