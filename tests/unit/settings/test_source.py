import json
from pathlib import Path

import pytest

from sync_worker.settings import SettingsError
from sync_worker.settings.source import YamlDocument, read_document


def read(tmp_path: Path, text: str | bytes) -> YamlDocument:
    file = tmp_path / "config.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_document(file)


def refusal(tmp_path: Path, text: str | bytes) -> str:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, text)
    return str(caught.value).replace(str(tmp_path / "config.yaml"), "config.yaml")


def test_words_that_older_yaml_takes_for_something_else_stay_text(tmp_path: Path) -> None:
    tree = read(tmp_path, "{on: yes, off: no, octal: 0123, time: 12:30:45, grouped: 1_000, day: 2020-01-01}").tree

    assert tree == {
        "on": "yes",
        "off": "no",
        "octal": "0123",
        "time": "12:30:45",
        "grouped": "1_000",
        "day": "2020-01-01",
    }


def test_numbers_truth_and_nothing_are_read_as_such(tmp_path: Path) -> None:
    tree = read(tmp_path, "{a: 12, b: -3, c: 0.8, d: .5, e: 1e3, f: true, g: False, h: null, i: ~, j: }").tree

    assert tree == dict(zip("abcdefghij", (12, -3, 0.8, 0.5, 1000.0, True, False, None, None, None), strict=True))
    assert isinstance(tree["a"], int)


def test_every_json_file_is_read_as_json_reads_it(tmp_path: Path) -> None:
    value = {"text": 'é 😀 "/\\\n\t', "list": [1, -2.5, 1e20, True, None], "nested": {"": {}, "😀": 1}}

    for text in (json.dumps(value), json.dumps(value, indent="\t"), json.dumps(value, ensure_ascii=False)):
        tree = read(tmp_path, text.replace("/", "\\/")).tree
        assert tree == value | {"list": tuple(value["list"])}


def test_every_key_has_its_line(tmp_path: Path) -> None:
    document = read(tmp_path, "# first\na:\n  b: 1\n  c:\n    - x\n    - {d: 2}\n")

    assert {path: document.line(path) for path in (("a",), ("a", "b"), ("a", "c", 1), ("a", "c", 1, "d"))} == {
        ("a",): 2,
        ("a", "b"): 3,
        ("a", "c", 1): 6,
        ("a", "c", 1, "d"): 6,
    }
    assert document.line(("a", "missing")) == 2


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xef\xbb\xbfa: 1").tree == {"a": 1}


def test_a_key_written_twice_is_a_problem_that_names_both_lines(tmp_path: Path) -> None:
    problems = read(tmp_path, "a:\n  b: 1\n  c: 2\n  b: 3\n").problems

    assert [(problem.line, problem.key, problem.message) for problem in problems] == [
        (4, "a.b", "is here twice, first on line 2")
    ]


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system ['true']", "!!binary aGk=", "!env SECRET", "!!set {x}"]
)
def test_no_tag_is_executed(tmp_path: Path, tag: str) -> None:
    problems = read(tmp_path, f"a: {tag}").problems

    assert [(problem.key, problem.message) for problem in problems] == [("a", "YAML tags are not allowed")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1, 2\nb: 3\n", "config.yaml:2: not valid YAML at column 2: expected ',' or ']', but got ':'"),
        ("a: b: c\n", "config.yaml:1: not valid YAML at column 5: mapping values are not allowed here; put"),
        (
            "a:\n\tb: 1\n",
            "config.yaml:2: not valid YAML at column 1: found character that cannot start any token; indent with",
        ),
        ("s: * * * * *\n", "config.yaml:1: not valid YAML at column 5"),
        ("- a\n- b\n", "config.yaml:1: expected keys and values, such as `procore:`"),
        ("just words", "config.yaml:1: expected keys and values, such as `procore:`"),
        (b"a: \xff\n", "config.yaml: is not UTF-8 text (byte 3)"),
        (b"a: \x00\n", "config.yaml: is not valid YAML: it holds a character that no text file has"),
        ("[" * 5000, "config.yaml: is nested too deeply"),
        ("a: &a [*a]\n", "config.yaml: is nested too deeply"),
    ],
)
def test_a_file_that_cannot_be_read_says_where_and_why_in_one_line(
    tmp_path: Path, text: str | bytes, message: str
) -> None:
    said = refusal(tmp_path, text)

    assert said.startswith(message)
    assert "\n" not in said


def test_aliases_cannot_blow_up_the_file(tmp_path: Path) -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
    )

    assert refusal(tmp_path, bomb) == "config.yaml: holds too many values"


@pytest.mark.parametrize(
    "value", ["*s3cret", "&s3cret &s3cret x", "!s3cret!x y", '"\\s3cret"', "@s3cret", "[s3cret: }"]
)
def test_an_unquoted_secret_is_not_repeated(tmp_path: Path, value: str) -> None:
    assert "s3cret" not in refusal(tmp_path, f"client_secret: {value}\n")


def test_a_missing_file_says_how_to_name_another(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"config\.yaml: no such file; name another with --config"):
        read_document(tmp_path / "config.yaml")


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        read_document(tmp_path)
