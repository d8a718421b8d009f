"""Loopback hosts: only they may use plain HTTP, or see data without a token."""

from __future__ import annotations

import ipaddress

_NETWORKS = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


def is_loopback(host: str) -> bool:
    """Return True if `host` can only be this machine: `localhost`, 127.0.0.0/8 or ::1, with or without brackets.

    Other names may resolve to any machine. IPv4-mapped IPv6 addresses do not count, as Python versions differ there.
    """
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return any(address in network for network in _NETWORKS)
