"""The ways of spending less; each can be left out to see what it saves."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Thrift:
    """Which ways are taken; what a stream's options say of its pages and its clocks is beside these."""

    lists_tools: bool = True
    """The list of a project's tools is read first."""
    remembers_refusals: bool = True
    """What was refused is asked for again now and then alone."""
    spares_inactive: bool = True
    """Inactive projects are read once a week."""


ALL = Thrift()
