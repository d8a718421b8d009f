"""The listening socket of the daemon, or the reason why there is none."""

from __future__ import annotations

import os
import socket
from errno import EADDRINUSE

from sync_worker.errors import ConfigurationError


def listener(host: str, port: int) -> socket.socket:
    """Return a socket that listens; raises `ConfigurationError` if the address cannot be bound."""
    try:
        bound = _bound(host, port)
        bound.listen()
    except (OSError, ValueError) as error:
        raise ConfigurationError(_refusal(host, port, error)) from None
    return bound


def unusable(host: str, port: int) -> str | None:
    """Return why an address cannot be bound, or None; a port in use is fine, as the daemon may be what uses it."""
    try:
        _bound(host, port).close()
    except (OSError, ValueError) as error:
        is_in_use = isinstance(error, OSError) and error.errno == EADDRINUSE
        return None if is_in_use else _refusal(host, port, error)
    return None


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # The default differs between systems; `::` would also take IPv4 addresses that nobody named.
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(address)
    except BaseException:
        bound.close()
        raise
    return bound


def _refusal(host: str, port: int, error: OSError | ValueError) -> str:
    if isinstance(error, socket.gaierror):
        reason = error.strerror or str(error)
    elif isinstance(error, OSError):
        reason = os.strerror(error.errno) if error.errno else str(error)
    else:
        # A name with an empty or too long part, or a NUL.
        reason = "this is not a host name"
    return f"cannot listen on {host}:{port}: {reason}; see server in the configuration"
