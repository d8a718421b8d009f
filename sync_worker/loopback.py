"""Tells whether a host is this machine: plain HTTP, and data without a token, are for nobody else."""

from __future__ import annotations

import ipaddress

_NETWORKS = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


def is_loopback(host: str) -> bool:
    """Return True if `host` can only be this machine: `localhost`, 127.0.0.0/8 or ::1, with or without brackets.

    Any other name may mean anything. Addresses of IPv4 written as IPv6 do not count: Python's versions differ there.
    """
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return any(address in network for network in _NETWORKS)
