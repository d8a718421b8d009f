"""Entry point of `python -m sync_worker` and of the `sync-worker` command."""

import signal


def main() -> None:
    """Run the command line of this process.

    Signals that come while it is imported wait until it handles them (`cli/signals.py`). Before that, while Python
    itself starts, a signal ends the process.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
    from sync_worker.cli.main import main as run_command_line  # noqa: PLC0415 - not before

    run_command_line()


if __name__ == "__main__":
    main()
