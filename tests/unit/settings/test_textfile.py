import os
from pathlib import Path

import pytest

from sync_worker.settings import SettingsError
from sync_worker.settings.folder import Folder
from sync_worker.settings.source import read_document
from sync_worker.settings.textfile import TextFileError, read_text
from sync_worker.settings.variables import VariableError, fill


def pipe_in(folder: Path) -> Path:
    path = folder / "pipe"
    os.mkfifo(path)
    return path


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"a", "a"),
        (b"\xef\xbb\xbfa", "a"),
        (b"", ""),
        (b"x" * 1024, "x" * 1024),
    ],
)
def test_a_file_is_read_whole_without_its_byte_order_mark(tmp_path: Path, content: bytes, text: str) -> None:
    (tmp_path / "file").write_bytes(content)

    assert read_text(tmp_path / "file", 1) == text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"x" * 1025, "is larger than 1 KB"),
        (b"a\xff", r"is not UTF-8 text \(byte 1\)"),
        ("s3cret".encode("utf-16"), "is not UTF-8 text; it is UTF-16, so save it as UTF-8"),
    ],
)
def test_a_file_that_is_too_large_or_no_text_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "file").write_bytes(content)

    with pytest.raises(TextFileError, match=message):
        read_text(tmp_path / "file", 1)


@pytest.mark.timeout(10)
def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    for path in (pipe_in(tmp_path), Path("/dev/zero"), Path("/dev/null")):
        with pytest.raises(TextFileError, match="is not a regular file"):
            read_text(path, 1)
    for message, path in (("Is a directory", tmp_path), ("NUL character", tmp_path / "a\0b")):
        with pytest.raises(TextFileError, match=message):
            read_text(path, 1)


@pytest.mark.timeout(10)
def test_a_pipe_in_place_of_the_configuration_or_its_dotenv_is_named_and_not_waited_for(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="pipe: is not a regular file"):
        read_document(pipe_in(tmp_path))
    (tmp_path / "pipe").rename(tmp_path / ".env")
    with pytest.raises(SettingsError, match=r"\.env: is not a regular file"):
        fill("${A:-b}", {}, Folder(tmp_path))


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("/dev/zero", "is not a regular file"),
        ("empty", "is empty"),
        ("blank", "is empty"),
        ("large", "is larger than 64 KB"),
        (".", "cannot be read: Is a directory"),
        ("missing", "cannot be read: No such file or directory; a relative path begins at /"),
        ("/nowhere/at/all", "cannot be read: No such file or directory$"),
    ],
)
def test_a_secret_file_that_holds_no_secret_is_named_by_its_variable(tmp_path: Path, file: str, message: str) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "blank").write_text("\r\n")
    (tmp_path / "large").write_text("x" * (64 * 1024 + 1))

    with pytest.raises(VariableError, match=f"^the file that SECRET_FILE names {message}"):
        fill("${SECRET}", {"SECRET_FILE": file}, Folder(tmp_path))


def test_a_secret_file_is_looked_up_from_the_folder_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "one").write_bytes(b"\xef\xbb\xbfs3cret\r\n")

    assert fill("${SECRET}", {"SECRET_FILE": "./secrets/one"}, Folder(tmp_path)).text == "s3cret"
