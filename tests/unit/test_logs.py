import ast
import base64
import html
import io
import json
import logging
import math
import re
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import structlog
from hypothesis import example, given
from hypothesis import strategies as st

import sync_worker
from sync_worker.logs import MASK, Event, Redactor, bound, configure_logging, get_logger

SECRET = 'p&ss "wörd"/+%$\\'
SECRETS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="*"), min_size=4, max_size=60)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def redactor() -> Redactor:
    return Redactor([SECRET])


@contextmanager
def structlog_kept() -> Iterator[None]:
    """Put back what setting up logging replaces."""
    root, excepthook = logging.getLogger(), threading.excepthook
    level, handlers = root.level, list(root.handlers)
    try:
        yield
    finally:
        structlog.reset_defaults()
        logging.captureWarnings(capture=False)
        root.setLevel(level)
        root.handlers[:] = handlers
        threading.excepthook = excepthook


@pytest.fixture
def configure(redactor: Redactor) -> Iterator[Callable[..., Any]]:
    """Set up logging to a stream of its own; what it replaced is put back."""

    def configure(stream: io.StringIO, verbosity: int = 0, color: bool | None = None) -> io.StringIO:
        configure_logging(verbosity=verbosity, stream=stream, color=color, redactor=redactor)
        return stream

    with structlog_kept():
        yield configure


Configure = Callable[..., io.StringIO]


def events(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@given(SECRETS)
def test_a_secret_is_taken_out_in_every_form_it_may_be_written_in(secret: str) -> None:
    redactor = Redactor([secret])

    for written in (
        secret,
        quote(secret, safe=""),
        re.sub("%..", lambda code: code[0].lower(), quote(secret, safe="")),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        html.escape(secret),
    ):
        assert redactor.text(f"\0{written}\0") == f"\0{MASK}\0"


@given(SECRETS, st.binary(max_size=5), st.binary(max_size=5))
def test_a_secret_inside_base64_is_taken_out_wherever_it_stands(secret: str, before: bytes, after: bytes) -> None:
    redactor = Redactor([secret])
    raw = before + secret.encode() + after

    for text in (base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()):
        assert MASK in redactor.text(text)


def test_the_longest_of_two_secrets_that_begin_alike_leaves_no_end_behind() -> None:
    assert Redactor(["abcd", "abcdefgh"]).text("abcdefgh abcd") == f"{MASK} {MASK}"


def test_a_secret_too_short_to_tell_from_words_blanks_nothing() -> None:
    assert Redactor(["", "a", "abc"]).text("abc a") == "abc a"


def test_a_token_is_known_until_it_is_long_superseded() -> None:
    redactor = Redactor(["lasting-secret"])
    for number in range(20):
        redactor.add_token(f"token-number-{number:03}")

    assert redactor.text("token-number-019 token-number-012 token-number-000 lasting-secret") == (
        f"{MASK} {MASK} token-number-000 {MASK}"
    )


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.x",
        "grant_type=client_credentials&client_secret=eyJhbGciOiJIUzI1NiJ9.x&x=1",
        '{"access_token": "eyJhbGciOiJIUzI1NiJ9.x", "expires_in": 5400}',
        "postgresql://me:eyJhbGciOiJIUzI1NiJ9.x@host/db",
    ],
)
def test_what_stands_where_secrets_stand_is_taken_out_unknown(text: str) -> None:
    redacted = Redactor().text(text)

    assert "eyJ" not in redacted
    assert MASK in redacted


def test_ordinary_words_stay() -> None:
    text = "procore.client_secret: expected text; the Bearer token was refused; Basic login; https://host:80/a@b"

    assert Redactor().text(text) == text


def test_values_are_redacted_by_key_however_deep(redactor: Redactor) -> None:
    event = {
        "headers": {"Authorization": "x", "proxy-authorization": "x", "X-Total": 5},
        "items": [{"client_secret": 1}],
    }

    assert redactor.value(event | {"token": None, "rows": 3, "page_token": "x"}) == {
        "headers": {"Authorization": MASK, "proxy-authorization": MASK, "X-Total": 5},
        "items": [{"client_secret": MASK}],
        "token": None,
        "rows": 3,
        "page_token": MASK,
    }


def test_an_event_is_one_json_line_with_the_fields_of_the_contract(configure: Configure) -> None:
    stream = configure(io.StringIO())

    with bound(run_id="r1", job="sync_field"):
        get_logger().info(Event.PAGE_FETCHED, stream="rfis", rows=100)
    get_logger().info(Event.RUN_FINISHED)

    first, second = events(stream)
    assert list(first)[:3] == ["timestamp", "level", "event"]
    assert first.pop("timestamp").endswith("Z")
    assert first == {
        "level": "info", "event": "page.fetched", "run_id": "r1", "job": "sync_field", "stream": "rfis", "rows": 100
    }  # fmt: skip
    assert "run_id" not in second


def test_no_secret_leaves_in_values_keys_objects_or_tracebacks(configure: Configure) -> None:
    stream = configure(io.StringIO())

    try:
        raise ValueError(f"refused {SECRET}")
    except ValueError as error:
        get_logger().exception(
            "request.failed", error=error, url=f"https://x/?s={quote_plus(SECRET)}", body=SECRET.encode()
        )
    get_logger().warning(f"about {SECRET}", nested={SECRET: [SECRET]})

    first, second = events(stream)
    assert MASK in first["exception"]
    assert "Traceback" in first["exception"]
    assert (first["error"], first["body"]) == (f"refused {MASK}", MASK)
    assert second["nested"] == {MASK: [MASK]}
    for form in (SECRET, quote_plus(SECRET), json.dumps(SECRET)[1:-1]):
        assert form not in stream.getvalue()


ANY_SECRETS = st.text(min_size=1, max_size=8) | st.sampled_from(
    ["e", "t", '"', "\\", "event", "run_id", "true", "null", "info", "page.fetched", "2026", "rows", '":', "\ud800"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=8) | ANY_SECRETS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@example([], "e", {"rows": math.nan})
@given(st.lists(ANY_SECRETS, max_size=3), ANY_SECRETS, st.dictionaries(st.sampled_from(["rows", "error", "x"]), VALUES))
def test_whatever_the_secrets_are_a_line_is_json_and_keeps_the_logs_own_words(
    secrets: list[str], token: str, fields: dict[str, Any]
) -> None:
    redactor, stream = Redactor(secrets), io.StringIO()
    redactor.add_token(token)
    with structlog_kept():
        configure_logging(stream=stream, redactor=redactor)
        with bound(run_id="20261128T104434Z-372c01"):
            get_logger().info(Event.PAGE_FETCHED, **fields)

    (line,) = stream.getvalue().splitlines()
    event = json.loads(line, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert set(event) == {"timestamp", "level", "event", "run_id", *fields}
    assert (event["level"], event["event"], event["run_id"]) == ("info", "page.fetched", "20261128T104434Z-372c01")
    assert datetime.fromisoformat(event["timestamp"]).tzinfo is not None


def test_a_secret_that_is_a_word_of_the_log_is_taken_out_of_values_alone(
    configure: Configure, redactor: Redactor
) -> None:
    redactor.add("event", "rfis", "page.fetched")
    stream = configure(io.StringIO())

    get_logger().info(Event.PAGE_FETCHED, error="the event of rfis", stream="rfis")

    (event,) = events(stream)
    assert (event["event"], event["error"], event["stream"]) == ("page.fetched", f"the {MASK} of {MASK}", MASK)


def test_a_token_too_short_to_tell_from_words_blanks_nothing(redactor: Redactor) -> None:
    redactor.add_token("e")

    assert redactor.text("the event") == "the event"


@pytest.mark.parametrize(
    ("stream", "verbosity", "levels"),
    [
        (io.StringIO, 0, ["info", "warning"]),
        (io.StringIO, 1, ["debug", "info", "warning"]),
        (io.StringIO, -1, ["warning"]),
        (Terminal, 0, ["warning"]),
        (Terminal, 1, ["debug", "info", "warning"]),
        (Terminal, -1, ["warning"]),
    ],
)
def test_how_much_is_shown_depends_on_the_terminal_and_on_what_was_asked(
    configure: Configure, stream: type[io.StringIO], verbosity: int, levels: list[str]
) -> None:
    written = configure(stream(), verbosity, color=False)

    for level in ("debug", "info", "warning"):
        getattr(get_logger(), level)("x.happened")

    assert [level for level in ("debug", "info", "warning") if level in written.getvalue()] == levels
    assert len(written.getvalue().splitlines()) == len(levels)


def test_a_terminal_gets_readable_lines_in_color_unless_refused(configure: Configure) -> None:
    plain = configure(Terminal(), color=False)
    get_logger().warning("x.happened", rows=3)
    colored = configure(Terminal())
    get_logger().warning("x.happened", rows=3)

    assert "x.happened rows=3" in plain.getvalue()
    assert "\x1b[" not in plain.getvalue()
    assert "\x1b[" in colored.getvalue()


def test_a_traceback_on_a_terminal_is_redacted_too(configure: Configure) -> None:
    stream = configure(Terminal(), color=False)

    try:
        raise ValueError(SECRET)
    except ValueError:
        get_logger().exception("request.failed")

    assert "Traceback" in stream.getvalue()
    assert SECRET not in stream.getvalue()


def test_what_libraries_log_is_an_event_from_warnings_up_and_redacted(configure: Configure) -> None:
    stream = configure(io.StringIO(), verbosity=1)

    logging.getLogger("urllib3.connectionpool").debug("GET %s", SECRET)
    logging.getLogger("urllib3.connectionpool").warning("no answer to %s", SECRET)

    (event,) = events(stream)
    assert (event["event"], event["level"], event["logger"]) == ("library.warned", "warning", "urllib3.connectionpool")
    assert event["message"] == f"no answer to {MASK}"


def test_python_warnings_are_events(configure: Configure) -> None:
    stream = configure(io.StringIO())

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=False)
        logging.captureWarnings(capture=True)
        warnings.warn("unverified HTTPS", UserWarning, stacklevel=1)

    assert "unverified HTTPS" in events(stream)[0]["message"]


def test_a_thread_that_crashes_is_an_event(configure: Configure) -> None:
    stream = configure(io.StringIO())

    def crash() -> None:
        raise RuntimeError(SECRET)

    thread = threading.Thread(target=crash, name="worker-1")
    thread.start()
    thread.join()

    (event,) = events(stream)
    assert (event["event"], event["level"], event["thread"]) == ("thread.crashed", "critical", "worker-1")
    assert f"RuntimeError: {MASK}" in event["exception"]


def test_a_log_that_cannot_be_written_ends_nothing(configure: Configure) -> None:
    stream = configure(io.StringIO())
    stream.close()

    get_logger().warning("x.happened")


def logged_names() -> Iterator[str]:
    """Yield the literal event names in the package: first arguments of `log.<level>(…)`."""
    for file in Path(sync_worker.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="log" | "logger")), args=[ast.Constant(value=str(name)), *_]
                ):
                    yield name


def test_every_event_that_is_logged_stands_in_the_register() -> None:
    assert set(logged_names()) <= set(Event)


def test_every_event_of_the_register_is_logged_somewhere() -> None:
    package = Path(sync_worker.__file__).parent
    sources = "".join(path.read_text("utf-8") for path in package.glob("**/*.py"))
    unlogged = [event.name for event in Event if f"Event.{event.name}" not in sources]
    assert unlogged == [], "remove them from `Event` in sync_worker/logs.py, and from docs/operations.md"
