"""`sync-worker plan`: what jobs would cost, before anything runs."""

from __future__ import annotations

import click

from sync_worker.cli.context import CliContext, pass_cli


@click.command(
    epilog="""\b
Examples:
  sync-worker plan
  sync-worker plan sync_field --probe
  sync-worker plan --streams 'rfis,*_logs' --full-refresh"""
)
@click.argument("jobs", nargs=-1, metavar="[JOB]...")
@click.option("--streams", metavar="S[,S]...", help="These streams instead of jobs: names, globs, tag:NAME.")
@click.option("--project", "projects", type=int, multiple=True, metavar="ID", help="Only this project; repeatable.")
@click.option("--full-refresh", is_flag=True, help="As if everything were listed, whatever was read before.")
@click.option("--probe", is_flag=True, help="Ask lists for one row each where nothing stored tells; counts as calls.")
@pass_cli
def command(
    cli: CliContext,
    jobs: tuple[str, ...],
    streams: str | None,
    projects: tuple[int, ...],
    *,
    full_refresh: bool,
    probe: bool,
) -> int:
    """Say what jobs would cost now, each by itself, and on its schedule; all that are configured unless some are named.

    Told from what is stored, without a call. What changed in Procore is not known before it is asked for.
    """
    from sync_worker.cli.planning import planned_jobs, tell_plan

    settings = cli.load_settings()
    chosen = planned_jobs(settings, jobs, streams, cli.clock.now())
    narrowed = {
        name: job._replace(
            request=job.request._replace(projects=projects or job.request.projects, full_refresh=full_refresh)
        )
        for name, job in chosen.items()
    }
    return tell_plan(cli, settings, narrowed, probing=probe)
