import contextlib
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.settings.variables import VariableError, fill

NAMES = st.from_regex(r"\A[A-Z_][A-Z0-9_]{0,12}\Z").filter(lambda name: not name.endswith("_FILE"))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(TEXTS)
def test_text_with_doubled_dollar_signs_is_taken_literally(text: str) -> None:
    assert fill(text.replace("$", "$$"), {}).text == text


@given(NAMES, TEXTS, TEXTS, TEXTS)
def test_what_a_variable_holds_arrives_untouched(name: str, value: str, before: str, after: str) -> None:
    literal = [text.replace("$", "$$") for text in (before, after)]

    assert fill(f"{literal[0]}${{{name}}}{literal[1]}", {name: value}).text == before + value + after


@given(NAMES, st.text(string.ascii_letters + "{/:-?", max_size=20))
def test_the_default_stands_in_for_an_unset_or_empty_variable(name: str, default: str) -> None:
    template = f"${{{name}:-{default}}}"

    assert fill(template, {}).text == fill(template, {name: ""}).text == default


@given(st.text("${}:-?AB_", max_size=12))
def test_no_text_breaks_the_parser_in_an_unexpected_way(text: str) -> None:
    with contextlib.suppress(VariableError):
        fill(text, {})


def test_a_default_may_itself_be_a_variable_and_is_read_only_when_needed() -> None:
    template = "${A:-${B:-${C}}}"

    assert fill(template, {"A": "a"}).text == "a"
    assert fill(template, {"B": "b"}).text == "b"
    assert fill(template, {"C": "c"}).text == "c"


def test_a_lone_dollar_sign_is_text() -> None:
    assert fill("pa$word$", {}).text == "pa$word$"


def test_an_unset_variable_is_named_with_its_file_alternative() -> None:
    with pytest.raises(VariableError, match=r"^SECRET is not set; .*SECRET_FILE"):
        fill("${SECRET}", {})


def test_the_authors_message_is_shown_for_a_variable_that_must_be_set() -> None:
    with pytest.raises(VariableError, match=r"^SECRET is not set: ask the administrator$"):
        fill("${SECRET:?ask the administrator}", {"SECRET": ""})


@pytest.mark.parametrize("text", ["${", "${}", "${1A}", "${A", "${A-b}", "${A:-b", "${A b}", "${A:-${B}"])
def test_what_looks_like_a_variable_but_is_none_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(VariableError, match=r"write \$\{NAME\}") as caught:
        fill(f"hidden{text}", {"A": "a", "B": "b"})

    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_an_unset_variable_is_read_from_the_file_that_its_companion_names(tmp_path: Path, ending: str) -> None:
    file = tmp_path / "secret"
    file.write_bytes(f" s3cret ${{X}}{ending}".encode())

    filled = fill("${SECRET:-default}", {"SECRET_FILE": str(file)})

    assert filled == (" s3cret ${X}", ("the file that SECRET_FILE names",))


def test_a_variable_and_its_file_both_set_are_refused() -> None:
    with pytest.raises(VariableError, match=r"^SECRET and SECRET_FILE are both set") as caught:
        fill("${SECRET}", {"SECRET": "s3cret", "SECRET_FILE": "/run/secrets/x"})

    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("empty", ["SECRET", "SECRET_FILE"])
def test_an_empty_variable_does_not_count_as_set_beside_the_other(tmp_path: Path, empty: str) -> None:
    file = tmp_path / "secret"
    file.write_text("s3cret")

    assert fill("${SECRET}", {"SECRET": "s3cret", "SECRET_FILE": str(file)} | {empty: ""}).text == "s3cret"


def test_a_secret_given_in_place_of_its_file_is_not_repeated() -> None:
    with pytest.raises(VariableError, match="SECRET_FILE names cannot be read: No such file") as caught:
        fill("${SECRET}", {"SECRET_FILE": "s3cret/itself"})

    assert "s3cret" not in str(caught.value)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"\xff\xfe")

    with pytest.raises(VariableError, match="SECRET_FILE names is not UTF-8 text"):
        fill("${SECRET}", {"SECRET_FILE": str(file)})


def test_a_file_that_holds_the_name_too_is_named_by_its_variable(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("SECRET=s3cret\n")

    with pytest.raises(VariableError, match="SECRET_FILE names also holds the name and an equals sign") as caught:
        fill("${SECRET}", {"SECRET_FILE": str(file)})

    assert "s3cret" not in str(caught.value)
