"""One test held against many cases, where a test each would cost more than the case; a failure names its cases."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

Case = TypeVar("Case")


def held_against(cases: Mapping[str, Case]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Runs a test for every case, which is its first argument, to the last one whatever becomes of the others."""

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def against_all(**fixtures: Any) -> None:
            failures: list[Exception] = []
            for name, case in cases.items():
                try:
                    test(case, **fixtures)
                except Exception as failure:  # noqa: BLE001 - it is raised with the others
                    failure.add_note(f"in the case of {name}")
                    failures.append(failure)
            if failures:
                raise ExceptionGroup(f"{len(failures)} of {len(cases)} cases", failures)

        _, *rest = inspect.signature(test).parameters.values()
        # What pytest is to fill in.
        against_all.__signature__ = inspect.Signature(rest)  # type: ignore[attr-defined]
        return against_all

    return decorate
