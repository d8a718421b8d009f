"""What `check` looks at, in order, and how it says what it found."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sync_worker.access.survey import AccessState, ToolAccess
from sync_worker.app import check_access
from sync_worker.cli.boundary import code_of
from sync_worker.cli.context import CliContext
from sync_worker.cli.doubts import doubts
from sync_worker.cli.progress import shown_progress
from sync_worker.cli.refusals import unstorable
from sync_worker.cli.stopping import stop_on_signals
from sync_worker.cli.table import table
from sync_worker.doctor.check import Checkup
from sync_worker.doctor.finding import Finding, Level, fail, from_error, ok, warn
from sync_worker.doctor.host import check_host
from sync_worker.errors import ConfigurationError, LockHeldError
from sync_worker.jobs import ConfiguredJob, configured_jobs
from sync_worker.logs import redactor
from sync_worker.model import RunRequest
from sync_worker.server.address import unusable
from sync_worker.settings import LocalSettings, Settings, SettingsError
from sync_worker.settings.problems import dotted
from sync_worker.state.permissions import RefusalKind

_NAMED = 5
_WORST_FIRST = (2, 3, 1)
"""Of several things that are wrong the one to be mended first gives the exit code."""


def check(cli: CliContext) -> int:
    """Look at everything, print it, and return the code to exit with."""
    checked = _checked(cli)
    if cli.json:
        # A key is never a secret, even where the secret is the same word: only values are redacted.
        print(json.dumps(checked.as_json(), indent=2))
    else:
        print(redactor.text("\n".join(checked.as_text())))
    return checked.exit_code


@dataclass(slots=True)
class Checked:
    """All that was found; of Procore nothing where it could not be asked."""

    findings: list[Finding] = field(default_factory=list)
    of_procore: Checkup = field(default_factory=Checkup)

    @property
    def exit_code(self) -> int:
        """0 when nothing is wrong; what may not be read alone does not change that."""
        codes = {code_of(finding.group) for finding in self.findings if finding.level is Level.FAIL}
        return next((code for code in _WORST_FIRST if code in codes), 0)

    def as_json(self) -> dict[str, Any]:
        """The one object that `check --json` prints."""
        return {
            "ok": self.exit_code == 0,
            "calls": self.of_procore.calls,
            "checks": [
                {
                    "check": it.check,
                    "status": it.level,
                    "message": redactor.text(it.message),
                    "hint": redactor.text(it.hint) or None,
                }
                for it in self.findings
            ],
            "access": [self._access_as_json(access) for access in self.of_procore.accesses],
        }

    def _access_as_json(self, access: ToolAccess) -> dict[str, Any]:
        hints = {(gap.tool, gap.state): gap.hint for gap in _gaps(self.of_procore)}
        return {
            **access.scope._asdict(),
            "project": self.of_procore.names.get(access.scope.project_id or 0),
            "tool": access.tool,
            "status": access.state,
            "reason": access.reason or None,
            "refused_streams": list(access.refused_lists),
            "hint": hints.get((access.tool, access.state)),
            "asked": access.was_requested,
        }

    def as_text(self) -> Iterator[str]:
        """A checklist, then the tools, then what may not be read and what to do about it."""
        words = {Level.OK: "ok", Level.WARN: "warn", Level.FAIL: "FAIL"}
        width = max(len(finding.check) for finding in self.findings)
        for it in self.findings:
            hint = f" → {it.hint}" if it.hint else ""
            yield f"{words[it.level]:4}  {it.check:{width}}  {_one_line(it.message)}{_one_line(hint)}"
        yield from self._matrix()
        bad = sum(finding.level is Level.FAIL for finding in self.findings)
        verdict = "All is well" if not bad else f"{bad} of {len(self.findings)} checks failed"
        yield f"{verdict}; {self.of_procore.calls} calls were spent."

    def _matrix(self) -> Iterator[str]:
        if not self.of_procore.accesses:
            return
        by_tool: dict[str, list[ToolAccess]] = defaultdict(list)
        for access in self.of_procore.accesses:
            by_tool[access.tool].append(access)
        yield ""
        yield from table(
            ("tool", "readable", "off", "not permitted", "no answer"),
            [
                (tool.rpartition("/")[2], *(_count(found, *standings) for standings in _COLUMNS))
                for tool, found in sorted(by_tool.items(), key=lambda each: each[0].rpartition("/")[2])
            ],
        )
        yield ""
        for gap in _gaps(self.of_procore):
            yield f"{gap.tool.rpartition('/')[2]}: {gap.said}"
            yield f"  → {gap.hint}"


_COLUMNS = (
    (AccessState.READABLE, AccessState.PARTLY),
    (AccessState.TOOL_OFF,),
    (AccessState.NOT_PERMITTED,),
    (AccessState.FAILED,),
)


def _count(found: Sequence[ToolAccess], *standings: AccessState) -> int:
    return sum(access.state in standings for access in found)


class Gap(NamedTuple):
    """What may not be read of a tool, where and why, and what to do about it."""

    tool: str
    state: AccessState
    said: str
    hint: str


def _gaps(found: Checkup) -> Iterator[Gap]:
    by_gap: dict[tuple[str, AccessState], list[ToolAccess]] = defaultdict(list)
    everywhere: dict[str, int] = defaultdict(int)
    for access in found.accesses:
        everywhere[access.tool] += 1
        if access.state is not AccessState.READABLE:
            by_gap[access.tool, access.state].append(access)
    for (tool, standing), alike in sorted(by_gap.items()):
        where = _where(alike, found.names)
        yield Gap(tool, standing, *_told(tool, standing, alike, where, is_all=len(alike) == everywhere[tool]))


def _told(
    tool: str, standing: AccessState, alike: Sequence[ToolAccess], where: str, *, is_all: bool
) -> tuple[str, str]:
    """What is said of a gap, and what to do about it."""
    short = tool.rpartition("/")[2]
    lists = ", ".join(sorted({name for access in alike for name in access.refused_lists}))
    match standing:
        case AccessState.TOOL_OFF:
            return f"off in {where}", "nothing, unless it should be read: then a project administrator switches it on"
        case AccessState.PARTLY:
            return (
                f"{lists} refused in {where}",
                f"these lists need a higher level than Read Only on {short}: Standard or Admin",
            )
        case AccessState.FAILED:
            return f"no answer that tells in {where}: {alike[0].reason}", "try again; if it stays, see the message"
    said = f"not permitted in {where}: {alike[0].reason}"
    if alike[0].kind is RefusalKind.NOT_FOUND:
        said = f"not there, or not to be seen, in {where}: {alike[0].reason}"
    if alike[0].scope.project_id is None:
        return said, f"give the service account Read Only on {short} at company level, or leave its streams out"
    if is_all and len(alike) > 1:
        return (
            said,
            f"add {short}, Read Only, to the app's permissions (docs/procore-access.md, step 1), then reinstall",
        )
    return said, f"give the service account Read Only on {short} there, or leave the project or the tool out"


def _where(alike: Sequence[ToolAccess], names: Mapping[int, str]) -> str:
    if alike[0].scope.project_id is None:
        return "the company"
    shown = [names.get(access.scope.project_id or 0, str(access.scope.project_id)) for access in alike]
    more = f" and {len(shown) - _NAMED} more" if len(shown) > _NAMED else ""
    return ", ".join(shown[:_NAMED]) + more


def _one_line(text: str) -> str:
    return " ".join(text.split(" ")).replace("\n", "; ")


def _checked(cli: CliContext) -> Checked:
    found = Checked()
    settings, jobs = _settings(cli, found.findings)
    local = settings or _local_settings(cli)
    if local is None or local.destination.type != "sqlite":
        return found
    around = list(check_host(local.destination.path, local.data_dir))
    found.findings += around
    found.findings += [
        fail("streams", f"{dotted(key)}: {reason}", "", ConfigurationError) for key, reason in unstorable(local)
    ]
    if settings is None:
        return found
    address = settings.server
    if (reason := unusable(address.host, address.port)) is not None:
        found.findings.append(fail("server", reason, "", ConfigurationError))
    keeps = all(finding.level is not Level.FAIL for finding in around)
    found.of_procore = _of_procore(cli, settings, jobs, found.findings, keeps=keeps)
    found.findings += [*found.of_procore.findings, ok("notifier", "none: notifications are not built yet")]
    return found


def _settings(cli: CliContext, findings: list[Finding]) -> tuple[Settings | None, Mapping[str, ConfiguredJob]]:
    """The settings if they can be used, and a finding for each thing that is wrong with them."""
    try:
        loaded = cli.read_settings()
    except SettingsError as error:
        findings += [fail("configuration", str(problem), "", ConfigurationError) for problem in error.problems]
        return None, {}
    settings = loaded.settings
    jobs = configured_jobs(settings)
    companies = ", ".join(map(str, settings.procore.companies))
    said = f"{cli.config_path}: {settings.procore.environment}, company {companies}, {len(jobs)} jobs that read"
    findings.append(ok("configuration", said))
    findings += [warn("configuration", doubt, hint) for doubt, hint in doubts(loaded, cli.config_path)]
    return settings, jobs


def _local_settings(cli: CliContext) -> LocalSettings | None:
    """Where the data is, as far as that alone can be read."""
    try:
        return cli.load_local_settings()
    except ConfigurationError:
        return None


def _of_procore(
    cli: CliContext,
    settings: Settings,
    jobs: Mapping[str, ConfiguredJob],
    findings: list[Finding],
    *,
    keeps: bool,
) -> Checkup:
    patterns = list(dict.fromkeys(pattern for job in jobs.values() for pattern in job.streams)) or ["projects"]
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
            findings.append(from_error("configuration", error))
            return Checkup()
