"""Anything that may happen, in any order: what must always hold of the mirror, and that it ends equal to Procore."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from support.mirror import Mirror


@pytest.mark.parametrize(
    ("examples", "steps"),
    [(15, 15), pytest.param(150, 40, marks=[pytest.mark.chaos, pytest.mark.timeout(3600)])],
)
def test_whatever_happens_no_live_row_is_marked_no_mark_runs_ahead_and_the_mirror_ends_equal(
    examples: int, steps: int, capsys: pytest.CaptureFixture[str]
) -> None:
    Mirror.counted.clear()

    run_state_machine_as_test(
        Mirror,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=examples < 100,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink] if examples > 100 else [Phase.generate],
        ),
    )

    with capsys.disabled():
        print(f"\n{examples} machines of up to {steps} steps: {Mirror.counted}")
    assert Mirror.counted["marked"] > 0
