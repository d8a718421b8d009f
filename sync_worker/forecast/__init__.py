"""The forecast of a run before it starts: the calls that it takes, and the time."""
