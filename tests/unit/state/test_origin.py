from __future__ import annotations

import pytest

from sync_worker.settings.schema import ENVIRONMENTS
from sync_worker.state.origin import origin_of


def test_every_environment_of_procores_is_another_origin() -> None:
    assert len({origin_of(*addresses) for addresses in ENVIRONMENTS.values()}) == len(ENVIRONMENTS)


@pytest.mark.parametrize(
    "same",
    [
        ("https://LOGIN.procore.com", "https://api.procore.com:443"),
        ("https://login.procore.com./", "https://api.procore.com/"),
    ],
)
def test_the_same_hosts_are_one_origin_however_they_are_written(same: tuple[str, str]) -> None:
    assert origin_of(*same) == origin_of(*ENVIRONMENTS["production"])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "127.9.9.9"])
def test_this_machine_is_one_origin_however_it_is_written_and_each_port_another(host: str) -> None:
    """A tunnel to a sandbox and one to production differ in their ports alone."""
    at_5000 = origin_of("http://127.0.0.1:5000", "http://localhost:5000")

    assert origin_of(f"http://{host}:5000", f"http://{host}:5000") == at_5000
    assert origin_of(f"http://{host}:5000", f"http://{host}:6000") != at_5000


@pytest.mark.parametrize(
    "other",
    [
        ("https://login.procore.com", "https://api-monthly.procore.com"),
        ("https://login-sandbox.procore.com", "https://api.procore.com"),
        ("https://login.procore.com", "https://api.procore.com:8443"),
        ("https://login.procore.com", "https://api.procore.com/monthly"),
    ],
)
def test_one_host_that_differs_makes_another_origin(other: tuple[str, str]) -> None:
    assert origin_of(*other) != origin_of(*ENVIRONMENTS["production"])
