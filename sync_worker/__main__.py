"""`python -m sync_worker` is the same as the `sync-worker` command."""

from sync_worker.cli.main import main

if __name__ == "__main__":
    main()
