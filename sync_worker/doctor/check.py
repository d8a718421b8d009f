"""Looks at what the worker needs of Procore: that it answers, knows us, and what it lets us read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sync_worker.access.sample import ListSampler
from sync_worker.access.survey import AccessState, AccessSurvey, ToolAccess, ToolLists, tools
from sync_worker.destination.protocol import Transaction
from sync_worker.doctor.finding import Finding, Level, fail, from_error, ok, warn
from sync_worker.doctor.server_clock import ServerClock
from sync_worker.errors import (
    AllowanceSpent,
    AuthError,
    DestinationError,
    RequestError,
    SkippableError,
    SyncWorkerError,
    UnreachableError,
)
from sync_worker.model import Scope
from sync_worker.planning.partitions import Partition
from sync_worker.planning.projects import choose
from sync_worker.planning.selection import PROJECTS
from sync_worker.runner.clocks import DIFFERENT, FAR_APART, REMEDY
from sync_worker.runner.context import RunContext
from sync_worker.services import Services
from sync_worker.state.allowance import HOUR, read_allowance
from sync_worker.state.history import all_checkpoints, is_future

CLOCK_DOUBTFUL = timedelta(seconds=30)


@dataclass(slots=True)
class Checkup:
    """What was found, line by line; how every tool stands; what projects are called; the calls that it took."""

    findings: list[Finding] = field(default_factory=list)
    accesses: list[ToolAccess] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)
    calls: int = 0


def check_up(services: Services, run: RunContext, hosts: Sequence[str], *, keeps: bool) -> Checkup:
    """Ask Procore, as far as each answer lets us go on; `keeps` what was learned. Raises `StopRequested` alone."""
    found, witness = Checkup(), ServerClock(services.clock)
    services.procore.listen(witness)
    reached = list(_reach(services, hosts))
    clock = _clock(witness)
    marks = _marks(services)
    found.findings += [*reached, *(finding for finding in (clock, marks) if finding is not None)]
    if reached[-1].level is Level.OK:
        _look_in(services, run, found, keeps=keeps)
        found.findings.append(_allowance(services, witness))
    return found


def _reach(services: Services, hosts: Sequence[str]) -> Iterator[Finding]:
    """The way to the login server and what it says; a finding for each step that was come to."""
    try:
        services.procore.log_in()
    except UnreachableError as error:
        yield from_error("connection", error)
    except RequestError as error:
        yield from_error("tls", error)
    except AuthError as error:
        yield from (_tls(hosts), from_error("token", error))
    except SyncWorkerError as error:
        yield from_error("connection", error)
    else:
        yield from (_tls(hosts), ok("token", "the login server grants one"))


def _tls(hosts: Sequence[str]) -> Finding:
    plain = [host for host in hosts if not host.startswith("https://")]
    if plain:
        return ok("tls", f"none on this machine ({', '.join(dict.fromkeys(plain))})")
    return ok("tls", f"{hosts[0]} has a certificate that is trusted")


def _clock(witness: ServerClock) -> Finding | None:
    if witness.ahead is None:
        return None
    off, seconds = abs(witness.ahead), round(abs(witness.ahead).total_seconds())
    if off < CLOCK_DOUBTFUL:
        return ok("clock", "agrees with the server's")
    is_ahead = witness.ahead > timedelta(0)
    said = f"{seconds} s ahead of the server's" if is_ahead else f"{seconds} s behind the server's"
    if off < DIFFERENT:
        return warn("clock", said, "let the system set its clock by NTP")
    if off >= FAR_APART:
        return fail("clock", f"{said}: no run proves anything", REMEDY)
    return fail("clock", said, "let the system set its clock by NTP: schedules and certificates go by it")


def _marks(services: Services) -> Finding | None:
    """Look for marks that a wrong clock has put into the future."""
    now = services.clock.now()
    try:
        with services.destination.reader() as view:
            lines = all_checkpoints(view) if view.has_table("_checkpoints") else []
    except DestinationError:
        return None
    future = [line.mark for line in lines if is_future(line.mark, now)]
    if not future:
        return None
    said = f"{len(future)} of {len(lines)} lie in the future, the furthest at {max(future)}; a clock was wrong"
    return warn("marks", said, "the next run reads again what changed since; `sync-worker state show` lists them")


def _look_in(services: Services, run: RunContext, found: Checkup, *, keeps: bool) -> None:
    probe = ListSampler(services, waits=False)
    projects: dict[int, list[int]] = {}
    try:
        for company_id in run.company_ids:
            found.findings.append(_company(services, run, company_id, probe, projects))
        found.names = dict(probe.names)
        found.calls += probe.calls.spent
        _ask_tools(services, tools(run.specs, projects), found, keeps=keeps)
    except AllowanceSpent as error:
        found.findings.append(warn("tools", f"not all could be asked: {error}"))
    except (AuthError, UnreachableError) as error:
        found.findings.append(from_error("connection" if isinstance(error, UnreachableError) else "token", error))


def _company(
    services: Services, run: RunContext, company_id: int, probe: ListSampler, projects: dict[int, list[int]]
) -> Finding:
    check = f"company {company_id}"
    try:
        listed = probe.projects(Partition(services.streams[PROJECTS], Scope(company_id)))
    except SkippableError as refusal:
        return fail(check, str(refusal), "", AuthError)
    except (AuthError, UnreachableError):
        raise
    except SyncWorkerError as error:
        return from_error(check, error)
    chosen = [project.project_id for project in choose(listed, run.choice)]
    projects[company_id] = chosen
    missing = sorted(set(run.choice.include) - {project.project_id for project in listed})
    if not listed:
        hint = "permit projects for the service account: docs/procore-access.md, step 3"
        return warn(check, "connected, but no project is permitted", hint)
    said = f"connected; {len(chosen)} of {len(listed)} projects are to be read"
    if missing and len(run.company_ids) == 1:
        hint = "permit them, or take them out of procore.projects.include"
        return warn(check, f"{said}; not listed: {', '.join(map(str, missing))}", hint)
    return ok(check, said)


def _ask_tools(services: Services, wanted: Sequence[ToolLists], found: Checkup, *, keeps: bool) -> None:
    accesses = AccessSurvey(services, services.clock.now())
    try:
        found.accesses = accesses.ask(wanted)
    finally:
        found.calls += accesses.calls
    found.findings += _access(found.accesses)
    if not keeps:
        return
    try:
        accesses.remember(wanted, found.accesses)
    except DestinationError as error:
        found.findings.append(warn("memory", f"what was learned could not be kept: {error}"))


def _access(accesses: Sequence[ToolAccess]) -> Iterator[Finding]:
    counted: Mapping[AccessState, int] = Counter(access.standing for access in accesses)
    readable = counted[AccessState.READABLE] + counted[AccessState.PARTLY]
    said = f"{readable} of {len(accesses)} may be read"
    broken = next((access for access in accesses if access.standing is AccessState.FAILED), None)
    if broken is not None:
        yield fail(
            "tools", f"{counted[AccessState.FAILED]} of {len(accesses)} gave no answer that tells", broken.reason
        )
    elif accesses and not readable:
        hint = "give the service account permission: docs/procore-access.md, step 1"
        yield fail("tools", f"none of {len(accesses)} may be read", hint, AuthError)
    elif readable < len(accesses):
        yield warn("tools", f"{said}; the others are left out, and below")
    else:
        yield ok("tools", said)


def _allowance(services: Services, witness: ServerClock) -> Finding:
    left = witness.left
    if left is None:
        return warn("allowance", "the answers do not tell it")
    said = f"{left.remaining:,} of {left.limit:,} calls left in the window that is nearer to its end"
    try:
        with services.destination.reader() as view:
            hourly = _hourly(view)
    except DestinationError:
        hourly = None
    said += f"; {hourly:,} an hour" if hourly else ""
    return ok("allowance", said) if left.remaining else warn("allowance", said, "runs wait until it is there again")


def _hourly(view: Transaction) -> int | None:
    window = read_allowance(view).window(HOUR) if view.has_table("_allowance") else None
    return window.limit if window is not None else None
