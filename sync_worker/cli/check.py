"""`sync-worker check`: the doctor, from the configuration to every project and tool."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from sync_worker.cli.boundary import code_of
from sync_worker.cli.console import Cell, table
from sync_worker.cli.context import CliContext, pass_cli
from sync_worker.cli.signals import stop_on_signals
from sync_worker.doctor.finding import Finding, Level, fail, from_error, ok
from sync_worker.errors import ConfigurationError, LockHeldError
from sync_worker.model import RunRequest

if TYPE_CHECKING:
    from sync_worker.doctor.check import Checkup
    from sync_worker.settings import LocalSettings, Settings

_WORST_FIRST = (2, 3, 1)
"""The exit codes, that of the problem to solve first at the beginning."""
_LEVELS = {Level.OK: "ok", Level.WARN: "warn", Level.FAIL: "FAIL"}
_COLUMNS = {
    "readable": ("readable", "partly"),
    "off": ("tool_off",),
    "not permitted": ("not_permitted",),
    "no answer": ("failed",),
}


@click.command(
    epilog="""\b
Examples:
  sync-worker check
  sync-worker check --json"""
)
@pass_cli
def command(cli: CliContext) -> int:
    """Check the configuration, the host and the access to Procore; show what is wrong and what to do.

    Spends at most one call for each project and tool that the jobs read, and none where a run read it within a day.
    Works while the daemon runs.
    """
    found = _check(cli)
    print(json.dumps(_as_json(found), indent=2) if cli.json else "\n".join(_text_lines(found)))
    return _exit_code(found.findings)


def _check(cli: CliContext) -> Checkup:
    """Check the configuration, the host and Procore, as far as each allows; the findings hold no secrets."""
    from sync_worker.cli.refusals import unstorable
    from sync_worker.doctor.check import Checkup
    from sync_worker.doctor.host import check_host
    from sync_worker.logs import redactor
    from sync_worker.server.address import unusable
    from sync_worker.settings.problems import dotted

    settings, findings = _check_configuration(cli)
    local = settings or _local_settings(cli)
    found = Checkup()
    if local is not None and local.destination.type == "sqlite":
        of_host = list(check_host(local.destination.path, local.data_dir))
        findings += of_host
        findings += [fail("streams", f"{dotted(key)}: {why}", "", ConfigurationError) for key, why in unstorable(local)]
        if settings is not None:
            if (reason := unusable(settings.server.host, settings.server.port)) is not None:
                findings.append(fail("server", reason, "", ConfigurationError))
            found = _check_procore(cli, settings, keeps=all(it.level is not Level.FAIL for it in of_host))
            found.findings.append(ok("notifier", "none: notifications are not built yet"))
    found.findings = [
        finding._replace(message=redactor.text(finding.message), hint=redactor.text(finding.hint))
        for finding in (*findings, *found.findings)
    ]
    return found


def _check_configuration(cli: CliContext) -> tuple[Settings | None, list[Finding]]:
    """Return the settings if they can be used, and what is wrong with them."""
    from sync_worker.doctor.configuration import configuration_warnings
    from sync_worker.jobs import configured_jobs
    from sync_worker.settings import SettingsError

    try:
        loaded = cli.read_settings()
    except SettingsError as error:
        return None, [fail("configuration", str(problem), "", ConfigurationError) for problem in error.problems]
    settings = loaded.settings
    companies = ", ".join(map(str, settings.procore.companies))
    jobs = len(configured_jobs(settings))
    message = f"{cli.config_path}: {settings.procore.environment}, company {companies}, {jobs} jobs that read"
    return settings, [ok("configuration", message), *configuration_warnings(loaded, cli.config_path)]


def _local_settings(cli: CliContext) -> LocalSettings | None:
    """Return where the data is, as far as the configuration can be read."""
    try:
        return cli.load_local_settings()
    except ConfigurationError:
        return None


def _check_procore(cli: CliContext, settings: Settings, *, keeps: bool) -> Checkup:
    from sync_worker.app import check_access
    from sync_worker.cli.progress import shown_progress
    from sync_worker.doctor.check import Checkup
    from sync_worker.jobs import configured_jobs
    from sync_worker.logs import redactor

    jobs = configured_jobs(settings).values()
    patterns = list(dict.fromkeys(pattern for job in jobs for pattern in job.streams)) or ["projects"]
    with stop_on_signals() as stop, shown_progress(cli) as progress:
        try:
            return check_access(
                settings,
                RunRequest("check", patterns),
                stop=stop,
                on_new_secret=redactor.add_token,
                clock=cli.clock,
                progress=progress,
                keeps=keeps,
            )
        except (ConfigurationError, LockHeldError) as error:
            return Checkup([from_error("configuration", error)])


def _exit_code(findings: Sequence[Finding]) -> int:
    """Return 0 if nothing is wrong; a tool that may not be read is not wrong."""
    codes = {code_of(finding.group) for finding in findings if finding.level is Level.FAIL}
    return next((code for code in _WORST_FIRST if code in codes), 0)


def _as_json(found: Checkup) -> dict[str, Any]:
    from sync_worker.doctor.gaps import access_gaps

    hints = {(gap.tool, gap.state): gap.hint for gap in access_gaps(found.accesses, found.names)}
    return {
        "ok": _exit_code(found.findings) == 0,
        "calls": found.calls,
        "checks": [
            {"check": it.check, "status": it.level, "message": it.message, "hint": it.hint or None}
            for it in found.findings
        ],
        "access": [
            {
                **access.scope._asdict(),
                "project": found.names.get(access.scope.project_id or 0),
                "tool": access.tool,
                "status": access.state,
                "reason": access.reason or None,
                "refused_streams": list(access.refused_lists),
                "hint": hints.get((access.tool, access.state)),
                "asked": access.was_requested,
            }
            for access in found.accesses
        ],
    }


def _text_lines(found: Checkup) -> Iterator[str]:
    """Return a line for each finding, then a table of the tools, then what may not be read and what to do."""
    width = max(len(finding.check) for finding in found.findings)
    for finding in found.findings:
        hint = f" → {finding.hint}" if finding.hint else ""
        yield f"{_LEVELS[finding.level]:4}  {finding.check:{width}}  {finding.message}{hint}".replace("\n", "; ")
    if found.accesses:
        yield from _access_lines(found)
    failed = sum(finding.level is Level.FAIL for finding in found.findings)
    verdict = f"{failed} of {len(found.findings)} checks failed" if failed else "All is well"
    yield f"{verdict}; {found.calls} calls were spent."


def _access_lines(found: Checkup) -> Iterator[str]:
    from sync_worker.doctor.gaps import access_gaps, short_name

    states: dict[str, Counter[str]] = defaultdict(Counter)
    for access in found.accesses:
        states[short_name(access.tool)][access.state] += 1
    rows: list[tuple[Cell, ...]] = [
        (tool, *(sum(counted[state] for state in column) for column in _COLUMNS.values()))
        for tool, counted in sorted(states.items())
    ]
    yield from ("", *table(("tool", *_COLUMNS), rows), "")
    for gap in access_gaps(found.accesses, found.names):
        yield f"{short_name(gap.tool)}: {gap.message}"
        yield f"  → {gap.hint}"
