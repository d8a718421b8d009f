"""Warns of settings that work but should be changed."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from sync_worker.doctor.finding import Finding, warn
from sync_worker.settings import LoadedSettings

_SHORT_SECRET = 6


def configuration_warnings(loaded: LoadedSettings, config_path: Path) -> Iterator[Finding]:
    """Return a warning for each secret that others can read, or that is too short to be hidden in logs."""
    for path in sorted({*loaded.read, config_path.parent / ".env"}):
        if _is_world_readable(path):
            yield warn("configuration", f"{path} may be read by every user of this machine", f"chmod o-rwx {path}")
    settings = loaded.settings
    secrets = {"procore.client_secret": settings.procore.client_secret, "server.token": settings.server.token}
    for key, secret in secrets.items():
        if secret is not None and len(secret.get_secret_value()) < _SHORT_SECRET:
            message = f"{key} has fewer than {_SHORT_SECRET} characters"
            yield warn("configuration", message, "check that it is whole; logs cannot hide one so short")


def _is_world_readable(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISREG(mode) and bool(mode & stat.S_IROTH)
