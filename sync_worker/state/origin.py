"""The Procore that a database was read from: ids and marks of a sandbox say nothing about production."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from sync_worker.errors import ConfigurationError
from sync_worker.loopback import is_loopback
from sync_worker.state.executor import Executor, View
from sync_worker.state.queries import queries

_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """A Procore environment: the URLs of its login and of its API."""

    login: str
    api: str

    def __str__(self) -> str:
        return f"{self.api} (login {self.login})"


def origin_of(login_url: str, api_url: str) -> Origin:
    """Return the Procore at these addresses; this machine has one name, however it is written."""
    return Origin(_place(login_url), _place(api_url))


def read_origin(view: View) -> Origin | None:
    """Return the Procore that the database was read from, None if it is not recorded."""
    if not view.has_table("_origin"):
        return None
    rows = view.execute(queries()["read_origin"])
    return Origin(*rows[0]) if rows else None


def record_origin(transaction: Executor, origin: Origin) -> None:
    """Record the Procore that the database is read from, unless one is recorded."""
    transaction.execute(queries()["record_origin"], origin._asdict())


def forget_origin(transaction: Executor) -> None:
    """Let the next run record the Procore that is configured then, and go on from the marks of this one."""
    transaction.execute(queries()["forget_origin"])


def refuse_other_origin(view: View, configured: Origin, path: Path) -> None:
    """Raise `ConfigurationError` when the database was read from another Procore than the configured one."""
    found = read_origin(view)
    if found is not None and found != configured:
        raise ConfigurationError(
            f"{path} holds the data of {found}, and the configuration names {configured}: "
            "name another file in destination.path, so that each has a database of its own; only if Procore itself has "
            "moved to this address: sync-worker state reset --origin"
        )


def _place(url: str) -> str:
    parts = urlsplit(url)
    host = (parts.hostname or "").removesuffix(".")
    if is_loopback(host):
        # A tunnel to another Procore, or another stand-in, differs in nothing but its port.
        host = "localhost"
    port = f":{parts.port}" if parts.port not in (None, _PORTS.get(parts.scheme)) else ""
    return f"{host}{port}{parts.path.rstrip('/')}"
