"""Any sequence of events: the invariants hold after each, and in the end the tables equal Procore."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from support.sync_machine import SyncMachine


@pytest.mark.parametrize(
    ("examples", "steps"),
    [(15, 15), pytest.param(150, 40, marks=[pytest.mark.chaos, pytest.mark.timeout(3600)])],
)
def test_any_sequence_of_events_keeps_the_invariants_and_ends_equal_to_procore(
    examples: int, steps: int, capsys: pytest.CaptureFixture[str]
) -> None:
    SyncMachine.counted.clear()

    run_state_machine_as_test(
        SyncMachine,
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
        print(f"\n{examples} machines of up to {steps} steps: {SyncMachine.counted}")
    assert SyncMachine.counted["marked"] > 0
