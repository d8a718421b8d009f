"""Broken answers by name, as faults for the simulator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from procore_simulator.faults import Fault

BROKEN_ANSWERS: Mapping[str, Callable[[], Fault]] = {
    "an error": partial(Fault, status=500),
    "a gateway's page": partial(Fault, status=502, body="<html>"),
    "too slow": partial(Fault, status=408),
    "a malformed request": partial(Fault, status=400),
    "no permission": partial(Fault, status=403),
    "not found": partial(Fault, status=404),
    "a refused token": partial(Fault, status=401),
    "wait": partial(Fault, status=429, headers={"Retry-After": "1"}),
    "out of service": partial(Fault, status=503, headers={"Retry-After": "1"}),
    "no content": partial(Fault, status=204, body=""),
    "an object": partial(Fault, body="{}"),
    "half a list": partial(Fault, body='[{"id": 1}, {"id"'),
    "no number": partial(Fault, body='[{"id": NaN}]'),
    "HTML": partial(Fault, body="<!DOCTYPE html>"),
    "a reset": partial(Fault, reset=True),
    "a cut": partial(Fault, cut_after_bytes=40),
    "one page for ever": partial(Fault, same_page=True),
    "no total": partial(Fault, drop_headers=("Total",)),
    "no link": partial(Fault, drop_headers=("Link",)),
    "no date": partial(Fault, drop_headers=("Date",)),
    "a wrong total": partial(Fault, headers={"Total": "2"}),
    "an insert between pages": partial(Fault, drift="insert"),
    "a delete between pages": partial(Fault, drift="delete"),
    "another order between pages": partial(Fault, drift="resort"),
}

LIST_CHANGES = frozenset(kind for kind in BROKEN_ANSWERS if kind.endswith("between pages"))
"""Faults that change the list itself; not for the lists of companies and projects."""


def broken_answer(kind: str, *, path: str = "*", after: int = 0, times: int = 1) -> Fault:
    """Return a fault of that kind; the first `after` requests to `path` pass, the next `times` are broken."""
    fault = BROKEN_ANSWERS[kind]()
    fault.path, fault.after, fault.times = path, after, times
    return fault
