"""Entry point of `python -m sync_worker` and of the `sync-worker` command."""

import signal


def main() -> None:
    """Run the command line of this process.

    Importing it takes a while. A signal that comes meanwhile waits until the command knows what to make of it; before
    this line, while Python itself starts, a signal ends the process as it ends any other.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))
    from sync_worker.cli.main import main as run_command_line  # noqa: PLC0415 - not before

    run_command_line()


if __name__ == "__main__":
    main()
