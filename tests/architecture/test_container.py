"""What may run the image and the unit relies on, read from their texts: no engine is at hand where tests run."""

from __future__ import annotations

import configparser
import json
import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from procore_simulator.server import Simulator
from sync_worker.cli.main import COMMANDS
from sync_worker.cli.signals import DEADLINE_SECONDS

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
INSTRUCTIONS = [
    (line.split(None, 1)[0], line.split(None, 1)[1])
    for line in re.sub(r"\\\n\s*", "", re.sub(r"^\s*#.*\n", "", DOCKERFILE, flags=re.MULTILINE)).splitlines()
    if line
]
FINAL = INSTRUCTIONS[max(at for at, (name, _) in enumerate(INSTRUCTIONS) if name == "FROM") :]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
USUAL_BYTES = 90 * 1024**2
"""What the README says that it takes."""
UNIT = (ROOT / "deploy/systemd/procore-sync-worker.service").read_text("utf-8")


def final(name: str) -> str:
    """Return the last instruction of that name in the stage that becomes the image."""
    return [rest for instruction, rest in FINAL if instruction == name][-1]


def test_the_image_is_built_in_stages_without_here_documents_and_without_anything_from_a_host() -> None:
    assert sum(name == "FROM" for name, _ in INSTRUCTIONS) == 2
    assert "<<" not in DOCKERFILE
    assert [rest for name, rest in INSTRUCTIONS if name == "ADD" or "://" in rest] == []


def test_the_image_installs_only_what_is_pinned_with_hashes() -> None:
    installs = [part for _, rest in INSTRUCTIONS for part in rest.split("&&") if "pip" in part and " install " in part]
    assert len(installs) == 3
    for install in installs:
        assert "--require-hashes" in install or "--no-deps --no-index" in install
    for name in re.findall(r"requirements/([\w${}]+)\.txt", DOCKERFILE):
        assert (ROOT / f"requirements/{name.replace('${REQUIREMENTS}', 'container')}.txt").is_file()


def test_the_image_runs_the_daemon_as_nobody_in_particular_and_without_a_shell() -> None:
    uid, gid = map(int, final("USER").split(":"))
    assert uid > 0
    assert gid > 0
    assert json.loads(final("ENTRYPOINT")) == ["sync-worker"]
    assert json.loads(final("CMD")) == ["serve"]
    assert f"--chown={uid}:{gid}" in DOCKERFILE
    assert final("VOLUME") == "/data"


def test_the_image_asks_the_daemon_for_its_health() -> None:
    _, _, command = final("HEALTHCHECK").partition("CMD ")
    assert json.loads(command) == ["sync-worker", "healthcheck"]


@pytest.mark.parametrize("path", [".env", "secrets/procore_client_secret", "data/procore.db", ".git/config"])
def test_no_secret_and_no_data_reaches_the_build(path: str) -> None:
    lines = (ROOT / ".dockerignore").read_text("utf-8").split()
    assert "*" in lines
    assert not any(fnmatch(path, line[1:]) or path.startswith(f"{line[1:]}/") for line in lines if line.startswith("!"))


@pytest.mark.parametrize("name", [rest.split()[:-1] for instruction, rest in INSTRUCTIONS if instruction == "COPY"])
def test_what_is_copied_reaches_the_build(name: list[str]) -> None:
    taken = {line[1:].split("/")[0] for line in (ROOT / ".dockerignore").read_text("utf-8").split() if line[0] == "!"}
    if not any(part.startswith("--from") for part in name):
        assert {part.split("/")[0] for part in name} <= taken
        assert all((ROOT / part).exists() for part in name)


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_every_service_is_hardened_and_has_time_to_stop(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["tmpfs"] == ["/tmp"]  # noqa: S108 - the container's
    assert float(service["stop_grace_period"].removesuffix("s")) > DEADLINE_SECONDS
    assert service.get("command", ["serve"])[0] in COMMANDS


def in_bytes(text: str) -> int:
    """Return the number that `512m` of Docker or `512M` of systemd stands for."""
    return int(text[:-1]) * {"M": 1024**2, "G": 1024**3}[text[-1].upper()]


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_every_service_has_a_limit_of_memory_that_swap_does_not_lift(name: str) -> None:
    service = COMPOSE["services"][name]
    assert 3 * USUAL_BYTES < in_bytes(service["mem_limit"]) <= 1024**3
    assert service["memswap_limit"] == service["mem_limit"]


def test_the_unit_has_the_same_limit_and_slows_down_before_it() -> None:
    limits = dict(re.findall(r"^(Memory\w+)=(\w+)$", UNIT, re.MULTILINE))
    assert in_bytes(limits["MemoryMax"]) == in_bytes(COMPOSE["services"]["worker"]["mem_limit"])
    assert 3 * USUAL_BYTES < in_bytes(limits["MemoryHigh"]) < in_bytes(limits["MemoryMax"])


def test_the_worker_starts_again_checks_itself_and_takes_its_secret_from_a_file() -> None:
    worker = COMPOSE["services"]["worker"]
    assert worker["restart"] == "unless-stopped"
    assert worker["healthcheck"]["test"] == ["CMD", "sync-worker", "healthcheck"]
    (secret,) = worker["secrets"]
    assert worker["environment"]["PROCORE_CLIENT_SECRET_FILE"] == f"/run/secrets/{secret}"
    assert "PROCORE_CLIENT_SECRET" not in worker["environment"]
    assert secret in COMPOSE["secrets"]
    assert all(port.startswith("127.0.0.1:") for port in worker["ports"])
    assert "profiles" not in worker


def test_the_demo_asks_the_simulator_beside_it_with_its_credentials() -> None:
    demo, beside = COMPOSE["services"]["demo"], COMPOSE["services"]["simulator"]
    simulator = Simulator()
    url = f"http://127.0.0.1:{beside['command'][-1]}"
    assert demo["environment"] == {
        "PROCORE_ENVIRONMENT": "custom",
        "PROCORE_LOGIN_URL": url,
        "PROCORE_API_URL": url,
        "PROCORE_CLIENT_ID": simulator.client_id,
        "PROCORE_CLIENT_SECRET": simulator.client_secret,
        "PROCORE_COMPANY_ID": str(simulator.company_id),
    }
    assert demo["network_mode"] == "service:simulator"
    assert demo["profiles"] == beside["profiles"] == ["demo"]


def test_the_unit_stops_as_the_daemon_does_and_keeps_the_secret_out_of_the_environment() -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(UNIT)
    service = unit["Service"]
    assert service["Type"] == "exec"
    assert service["KillSignal"] == "SIGTERM"
    assert float(service["TimeoutStopSec"]) > DEADLINE_SECONDS
    assert service["ProtectSystem"] == "strict"
    assert service["DynamicUser"] == "yes"
    assert "PROCORE_CLIENT_SECRET_FILE=%d/" in UNIT
    assert service["LoadCredential"].partition(":")[0] == UNIT.partition("SECRET_FILE=%d/")[2].split()[0]
