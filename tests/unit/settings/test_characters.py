from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.settings import Settings, SettingsError, load_settings
from sync_worker.settings.characters import stray_character, trimmed

PROCORE = """\
procore:
  client_id: ${ID}
  client_secret: ${SECRET}
  companies: ["${COMPANY}"]
  proxy: ${PROXY:-}
server: {token: "${TOKEN:-}"}
data_dir: ${DATA:-data}
"""
GOOD = {"ID": "an-id", "SECRET": "s3cret-value", "COMPANY": "4711"}

Load = Callable[[dict[str, str]], Settings]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Return a function that loads settings with these variables."""
    file = tmp_path / "config.yaml"
    file.write_text(PROCORE)
    return lambda environ: load_settings(file, GOOD | environ, [])


@pytest.mark.parametrize("ending", ["\r", "\n", "\r\n", "\r\r\n"])
@pytest.mark.parametrize("name", ["ID", "SECRET", "COMPANY"])
def test_a_line_end_behind_a_value_is_left_out(load: Load, name: str, ending: str) -> None:
    assert load({name: GOOD[name] + ending}) == load({})


def test_a_byte_order_mark_before_a_value_is_left_out(load: Load) -> None:
    assert load({"SECRET": "\ufeffs3cret-value"}) == load({})


@pytest.mark.parametrize(
    ("odd", "message"),
    [
        ("{} ", "ends with a space"),
        (" {}", "begins with a space"),
        ("{}\t", "ends with a tab"),
        ("{}\xa0", "ends with a no-break space"),
        ("\u200b{}", "begins with a zero-width space"),
        ("{}\u2060", "ends with the invisible character U+2060"),
        ("{}\udce9", "ends with a byte that is not UTF-8"),
        ("{}\0x", "has a NUL character in it"),
        ("{}\rx", "has a carriage return in it"),
        ("{}\x1b[0m", "has the invisible character U+001B in it"),
    ],
)
@pytest.mark.parametrize("name", ["ID", "SECRET", "COMPANY", "PROXY", "TOKEN", "DATA"])
def test_what_nobody_sees_in_a_value_is_named_with_its_variable_and_the_value_is_not(
    load: Load, name: str, odd: str, message: str
) -> None:
    value = {"COMPANY": "4711", "PROXY": "http://user:s3cret-value@proxy.example"}.get(name, "s3cret-value")

    with pytest.raises(SettingsError, match=rf"config.yaml:\d: [\w.\[\]]+: {name} in the environment ") as caught:
        load({name: odd.format(value)})

    (problem,) = caught.value.problems
    assert problem.message == f"{name} in the environment {message}; remove it"
    assert "s3cret-value" not in str(caught.value)


@pytest.mark.parametrize("blank", [" ", "\n", "\xa0"])
@pytest.mark.parametrize("name", ["ID", "SECRET"])
def test_credentials_are_one_word(load: Load, name: str, blank: str) -> None:
    with pytest.raises(SettingsError, match="must not have blanks or line breaks in it"):
        load({name: f"two{blank}words"})


@pytest.mark.parametrize("quote", ['"', "'", "`"])
@pytest.mark.parametrize("name", ["ID", "SECRET"])
def test_quotes_around_credentials_are_named_and_the_value_is_not(load: Load, name: str, quote: str) -> None:
    with pytest.raises(SettingsError, match="has quotes around it") as caught:
        load({name: f"{quote}s3cret-value{quote}"})

    assert "s3cret-value" not in str(caught.value)


def test_a_value_written_in_the_file_is_looked_at_too(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text('{"procore": {"client_id": "x", "client_secret": "s3cret ", "companies": [1]}}')

    with pytest.raises(SettingsError, match=r"config.yaml:1: procore.client_secret: ends with a space; remove it$"):
        load_settings(file, {}, [])


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1))
def test_letters_digits_and_signs_are_never_odd(text: str) -> None:
    assert stray_character(trimmed(text)) is None


@given(st.text())
def test_whatever_is_odd_is_said_in_one_printable_line(text: str) -> None:
    said = stray_character(text)
    assert said is None or said.isprintable()
