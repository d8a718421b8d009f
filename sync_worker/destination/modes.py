"""File modes: what is written here names people and money, so beyond the user and the group it is nobody's."""

from __future__ import annotations

FILE_MODE = 0o640
FOLDER_MODE = 0o750
UMASK = 0o777 & ~FOLDER_MODE
"""For files that libraries make."""
