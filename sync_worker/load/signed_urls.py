"""Finds URLs that are signed again at every reading, and cuts out what changes in them.

A record says by its `updated_at` that somebody changed it; while that stays as it is, the query of a URL is no change.
A record without one may hold a link whose query means something, so only what looks like a signature is cut there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

_URL = re.compile(r"((https?:)?//|(\A|(?<=[\"'(=]))/)[^\s\"'<>\\]+", re.IGNORECASE)
"""One with a host; or one without, where a text or an attribute of HTML begins with it."""
_SIGNATURE_NAMES = frozenset({
    "access_token", "auth", "auth_key", "awsaccesskeyid", "exp", "expiration", "expires", "expires_at", "expiry",
    "googleaccessid", "hash", "hdnea", "hdnts", "hmac", "jwt", "key-pair-id", "nonce", "policy", "security-token",
    "sig", "sign", "signature", "token", "verify",
})  # fmt: skip
_SIGNATURE_PREFIXES = ("x-amz-", "x-goog-", "x-oss-", "x-cos-", "q-sign-", "q-key-", "q-header-", "q-url-")
_AZURE_NAMES = frozenset({"se", "sip", "ske", "skoid", "sks", "skt", "sktid", "skv", "sp", "spr", "sr", "st", "sv"})
"""Short enough to mean anything, unless `sig` is among them."""
_INSTANT = re.compile(r"[12]\d{9}(\d{3})?")
_INSTANT_NAMES = frozenset({"_", "e", "t", "time", "timestamp", "ts", "v"})
_OPAQUE = re.compile(r"[0-9a-fA-F]{16,}|(?=.*[0-9])(?=.*[a-z])(?=.*[A-Z])[A-Za-z0-9+/_~.=%-]{24,}")


def without_signatures(text: str, *, is_dated: bool) -> str:
    """Return `text` without the queries of its URLs; of a record that is not dated only without the signatures."""
    return _URL.sub(_without_query if is_dated else _without_signature, text) if "?" in text else text


def _without_query(found: re.Match[str]) -> str:
    address, _, query = found[0].partition("?")
    return address + _fragment(query)


def _without_signature(found: re.Match[str]) -> str:
    address, _, query = found[0].partition("?")
    fragment = _fragment(query)
    parts = [part.removeprefix("amp;") for part in query.removesuffix(fragment).split("&")]
    is_azure = any(part.startswith("sig=") for part in parts)
    kept = "&".join(part for part in parts if not _is_signature(part, is_azure))
    return f"{address}?{kept}{fragment}" if kept else address + fragment


def _fragment(query: str) -> str:
    _, mark, fragment = query.partition("#")
    return mark + fragment


def _is_signature(part: str, is_azure: bool) -> bool:
    name, mark, value = part.partition("=")
    name = name.lower()
    if name in _SIGNATURE_NAMES or name.startswith(_SIGNATURE_PREFIXES) or (is_azure and name in _AZURE_NAMES):
        return True
    if name in _INSTANT_NAMES and _INSTANT.fullmatch(value):
        return True
    return bool(_OPAQUE.fullmatch(value if mark else part))


def cut_signatures(node: Any, path: list[str], *, is_dated: bool) -> bool:
    """Cut the signatures that decoded JSON holds at `path`, in place; return True if there were any."""
    step, *rest = path
    places: Iterable[Any] = ()
    if step == "*" and isinstance(node, list):
        places = range(len(node))
    elif isinstance(node, dict) and step in node:
        places = (step,)
    is_cut = False
    for place in places:
        child = node[place]
        if rest:
            is_cut = cut_signatures(child, rest, is_dated=is_dated) or is_cut
        elif isinstance(child, str):
            node[place] = without_signatures(child, is_dated=is_dated)
            is_cut = is_cut or node[place] != child
    return is_cut


def steps_of(path: str) -> list[str]:
    """Return the names and `*` that a path such as `attachments[*].url` leads over."""
    return path.replace("[*]", ".*").split(".")
