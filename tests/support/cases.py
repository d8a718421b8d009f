"""One test for many cases, where a parametrised test would cost more than the case; a failure names its cases."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

Case = TypeVar("Case")


def for_each_case(cases: Mapping[str, Case]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that runs a test for every case, its first argument, even after failures."""

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def against_all(**fixtures: Any) -> None:
            failures: list[Exception] = []
            for name, case in cases.items():
                try:
                    test(case, **fixtures)
                except Exception as failure:  # noqa: BLE001 - it is raised with the others
                    failure.add_note(f"case: {name}")
                    failures.append(failure)
            if failures:
                raise ExceptionGroup(f"{len(failures)} of {len(cases)} cases", failures)

        _, *rest = inspect.signature(test).parameters.values()
        # The fixtures that pytest passes.
        against_all.__signature__ = inspect.Signature(rest)  # type: ignore[attr-defined]
        return against_all

    return decorate
