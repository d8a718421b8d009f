"""Checks of Procore: that it answers, accepts the credentials, and lets the streams be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sync_worker.access.sample import ListSampler
from sync_worker.access.survey import AccessState, AccessSurvey, ToolAccess, ToolLists, tools
from sync_worker.clock import utc_text
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
    """The findings, the access to each tool, the names of projects by id, and the calls spent."""

    findings: list[Finding] = field(default_factory=list)
    accesses: list[ToolAccess] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)
    calls: int = 0


def check_up(services: Services, run: RunContext, hosts: Sequence[str], *, keeps: bool) -> Checkup:
    """Check Procore step by step, as far as each answer allows; store the results if `keeps`.

    Raises only `StopRequested`.
    """
    found, server = Checkup(), ServerClock(services.clock)
    services.procore.listen(server)
    found.findings += _connection(services, hosts)
    is_connected = found.findings[-1].level is Level.OK
    found.findings += [*_clock(server), *_marks(services)]
    if is_connected:
        _check_access(services, run, found, keeps=keeps)
        found.findings.append(_allowance(services, server))
    return found


def _connection(services: Services, hosts: Sequence[str]) -> Iterator[Finding]:
    # Plain HTTP is possible only on loopback addresses, such as those of the simulator.
    plain = [host for host in hosts if not host.startswith("https://")]
    tls = ok("tls", f"{hosts[0]} has a certificate that is trusted")
    if plain:
        tls = ok("tls", f"none on this machine ({', '.join(dict.fromkeys(plain))})")
    try:
        services.procore.log_in()
    except UnreachableError as error:
        yield from_error("connection", error)
    except RequestError as error:
        yield from_error("tls", error)
    except AuthError as error:
        yield from (tls, from_error("token", error))
    except SyncWorkerError as error:
        yield from_error("connection", error)
    else:
        yield from (tls, ok("token", "the login server grants one"))


def _clock(server: ServerClock) -> Iterator[Finding]:
    if server.ahead is None:
        return
    difference, seconds = abs(server.ahead), round(abs(server.ahead).total_seconds())
    is_ahead = server.ahead > timedelta(0)
    message = f"{seconds} s ahead of the server's" if is_ahead else f"{seconds} s behind the server's"
    if difference < CLOCK_DOUBTFUL:
        yield ok("clock", "agrees with the server's")
    elif difference < DIFFERENT:
        yield warn("clock", message, "let the system set its clock by NTP")
    elif difference < FAR_APART:
        yield fail("clock", message, "let the system set its clock by NTP: schedules and certificates depend on it")
    else:
        yield fail("clock", f"{message}: runs cannot prove completeness", REMEDY)


def _marks(services: Services) -> Iterator[Finding]:
    """Return a finding on marks that a wrong clock has put into the future."""
    now = services.clock.now()
    try:
        with services.destination.reader() as view:
            lines = all_checkpoints(view) if view.has_table("_checkpoints") else []
    except DestinationError:
        return
    future = [line.mark for line in lines if is_future(line.mark, now)]
    if future:
        furthest = utc_text(max(future))
        message = f"{len(future)} of {len(lines)} lie in the future, the furthest at {furthest}; a clock was wrong"
        hint = "the next run reads again what changed since; `sync-worker state show` lists them"
        yield warn("marks", message, hint)


def _check_access(services: Services, run: RunContext, found: Checkup, *, keeps: bool) -> None:
    # A person waits for the answer, so the check does not wait for the allowance.
    sampler = ListSampler(services, waits=False)
    projects: dict[int, list[int]] = {}
    try:
        for company_id in run.company_ids:
            found.findings.append(_company(services, run, company_id, sampler, projects))
        found.names = dict(sampler.names)
        found.calls += sampler.calls.spent
        _check_tools(services, tools(run.specs, projects), found, keeps=keeps)
    except AllowanceSpent as error:
        found.findings.append(warn("tools", f"not all could be checked: {error}"))
    except (AuthError, UnreachableError) as error:
        found.findings.append(from_error("connection" if isinstance(error, UnreachableError) else "token", error))


def _company(
    services: Services, run: RunContext, company_id: int, sampler: ListSampler, projects: dict[int, list[int]]
) -> Finding:
    check = f"company {company_id}"
    try:
        listed = sampler.projects(Partition(services.streams[PROJECTS], Scope(company_id)))
    except SkippableError as refusal:
        return fail(check, str(refusal), "", AuthError)
    except (AuthError, UnreachableError):
        raise
    except SyncWorkerError as error:
        return from_error(check, error)
    projects[company_id] = [project.project_id for project in choose(listed, run.choice)]
    missing = sorted(set(run.choice.include) - {project.project_id for project in listed})
    if not listed:
        hint = "permit projects for the service account: docs/procore-access.md, step 3"
        return warn(check, "connected, but no project is permitted", hint)
    message = f"connected; {len(projects[company_id])} of {len(listed)} projects are read"
    # With several companies, the included project may belong to another one.
    if missing and len(run.company_ids) == 1:
        hint = "permit them, or remove them from procore.projects.include"
        return warn(check, f"{message}; not listed: {', '.join(map(str, missing))}", hint)
    return ok(check, message)


def _check_tools(services: Services, wanted: Sequence[ToolLists], found: Checkup, *, keeps: bool) -> None:
    survey = AccessSurvey(services, services.clock.now())
    try:
        found.accesses = survey.survey(wanted)
    finally:
        found.calls += survey.calls
    found.findings.append(_access(found.accesses))
    if keeps:
        try:
            survey.store(wanted, found.accesses)
        except DestinationError as error:
            found.findings.append(warn("memory", f"the results could not be stored: {error}"))


def _access(accesses: Sequence[ToolAccess]) -> Finding:
    count: Mapping[AccessState, int] = Counter(access.state for access in accesses)
    readable = count[AccessState.READABLE] + count[AccessState.PARTLY]
    broken = next((access for access in accesses if access.state is AccessState.FAILED), None)
    if broken is not None:
        message = f"access could not be determined for {count[AccessState.FAILED]} of {len(accesses)}"
        return fail("tools", message, broken.reason)
    if accesses and not readable:
        hint = "give the service account permission: docs/procore-access.md, step 1"
        return fail("tools", f"none of {len(accesses)} may be read", hint, AuthError)
    message = f"{readable} of {len(accesses)} may be read"
    if readable < len(accesses):
        return warn("tools", f"{message}; the others are skipped and listed below")
    return ok("tools", message)


def _allowance(services: Services, server: ServerClock) -> Finding:
    left = server.left
    if left is None:
        return warn("allowance", "the answers do not show it")
    message = f"{left.remaining:,} of {left.limit:,} calls left in the window that is nearer to its end"
    try:
        with services.destination.reader() as view:
            hour = read_allowance(view).window(HOUR) if view.has_table("_allowance") else None
    except DestinationError:
        hour = None
    if hour is not None and hour.limit:
        message = f"{message}; {hour.limit:,} an hour"
    return ok("allowance", message) if left.remaining else warn("allowance", message, "runs wait until the next window")
