import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.settings import SettingsError
from sync_worker.settings.dotenv import DotenvError, parse_dotenv
from sync_worker.settings.folder import Folder
from sync_worker.settings.variables import VariableError, fill

VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\r\n'"), max_size=30)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("export A=b", "b"),
        ("  A = b  ", "b"),
        ("A=", ""),
        ("A=''", ""),
        ("A=b c", "b c"),
        ("A=b#c", "b#c"),
        ("A=#c", "#c"),
        ("A=b # a comment", "b"),
        ("A= # a comment", ""),
        ("A='b # c' # a comment", "b # c"),
        ('A="b # c"', "b # c"),
        (r"A='a\"b$c'", r"a\"b$c"),
        (r'A="a\"b\\c\$d\n"', r'a"b\c$d\n'),
        ("A=$HOME/${B}", "$HOME/${B}"),
        ("A=b=c==", "b=c=="),
        ("A=b\r", "b"),
        ("A=a\nA=b", "b"),
        ("# A=a\n\nA=b\n", "b"),
    ],
)
def test_a_line_is_read_as_a_shell_reads_it_but_nothing_is_expanded(line: str, value: str) -> None:
    assert parse_dotenv(line) == {"A": value}


@given(VALUES)
def test_what_stands_in_single_quotes_is_the_value(value: str) -> None:
    assert parse_dotenv(f"A='{value}'\r\n") == {"A": value}


@given(st.text(max_size=40))
def test_no_text_breaks_the_parser_in_an_unexpected_way(text: str) -> None:
    with contextlib.suppress(DotenvError):
        parse_dotenv(text)


@pytest.mark.parametrize("line", ["s3cret", "=s3cret", "my s3cret=x", "A='s3cret", 'A="s3cret', "A='s3cret'x"])
def test_a_line_that_is_no_assignment_is_named_and_not_repeated(tmp_path: Path, line: str) -> None:
    (tmp_path / ".env").write_text(f"# ours\nB=1\n{line}\n")

    with pytest.raises(SettingsError, match=r"/\.env:3: ") as caught:
        fill("${C:-x}", {}, Folder(tmp_path))

    assert "s3cret" not in str(caught.value)


def test_what_windows_writes_around_the_variables_is_left_out(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfA=b\r\nC='d'\r\n")

    assert fill("${A}${C}", {}, Folder(tmp_path)).text == "bd"


@pytest.mark.parametrize("variable", ["A", "A_FILE"])
def test_the_environment_goes_first_whichever_of_the_two_names_it_has(tmp_path: Path, variable: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of the environment")
    environ = {variable: "of the environment" if variable == "A" else str(secret)}

    for line in ("A=of the file", "A_FILE=./nowhere"):
        (tmp_path / ".env").write_text(line)
        assert fill("${A}", environ, Folder(tmp_path)).text == "of the environment"


def test_where_a_value_came_from_is_told(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=b\nC_FILE=secret\n")
    (tmp_path / "secret").write_text("d")
    folder = Folder(tmp_path)

    assert fill("${A}${C}", {}, folder) == ("bd", ("A in .env", "the file that C_FILE names"))
    assert folder.read == {tmp_path / ".env", tmp_path / "secret"}


def test_a_variable_that_is_nowhere_says_which_file_was_looked_at(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=b")

    with pytest.raises(VariableError, match=r"^B is not set; .* \(/.*/\.env does not have it\)$"):
        fill("${B}", {}, Folder(tmp_path))


def test_a_virtual_environment_of_that_name_is_no_such_file(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()

    assert fill("${A:-b}", {}, Folder(tmp_path)).text == "b"


def test_a_file_that_nobody_needs_is_not_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("no assignment")

    assert fill("${A}", {"A": "b"}, Folder(tmp_path)).text == "b"
