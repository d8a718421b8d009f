"""The simulator in its own process with a large number of RFIs, controlled by lines on stdin."""

from __future__ import annotations

import argparse
import json
import sys
from math import ceil
from typing import Any

from benchmarks.checksum import STREAM, fingerprint
from procore_simulator.bulk import BulkWorld
from procore_simulator.faults import Fault
from procore_simulator.server import Simulator
from sync_worker.clock import SystemClock

_ALWAYS = 10**9


def main() -> None:
    """Serve until stdin closes. `truth` prints the checksum of the records; a number revises that share of them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, required=True)
    parser.add_argument("--per-page", type=int, required=True)
    parser.add_argument("--projects", type=int, required=True)
    parser.add_argument("--latency-ms", type=float, required=True)
    options = parser.parse_args()
    world = BulkWorld(STREAM, options.records, projects=options.projects, clock=SystemClock())
    with Simulator(world) as simulator:
        if options.latency_ms:
            simulator.faults.add(Fault(path="/rest/*", times=_ALWAYS, delay_seconds=options.latency_ms / 1000))
        _answer(_access(simulator, world, options.per_page))
        for line in sys.stdin:
            _answer(_truth(world) if line.strip() == "truth" else {"revised": world.revise(float(line))})


def _answer(content: dict[str, Any]) -> None:
    print(json.dumps(content), flush=True)


def _access(simulator: Simulator, world: BulkWorld, per_page: int) -> dict[str, Any]:
    """Return the credentials and the URL of every page."""
    grant = simulator.tokens.grant(simulator.client_id, simulator.client_secret)
    token = simulator.tokens.answer(grant)["access_token"] if grant else None
    return {
        "url": simulator.url,
        "client_id": simulator.client_id,
        "client_secret": simulator.client_secret,
        "company_id": simulator.company_id,
        "headers": {"Authorization": f"Bearer {token}", "Procore-Company-Id": str(simulator.company_id)},
        "pages": [
            f"{simulator.url}/rest/v1.0/projects/{key.project_id}/rfis?page={number}&per_page={per_page}"
            for key in world.store.keys(STREAM)
            for number in range(1, ceil(len(world.store.entries(STREAM, key)) / per_page) + 1)
        ],
    }


def _truth(world: BulkWorld) -> dict[str, Any]:
    return fingerprint(
        (entry.get("id"), entry.get("updated_at"))
        for key in world.store.keys(STREAM)
        for entry in world.store.entries(STREAM, key)
    )


if __name__ == "__main__":
    main()
