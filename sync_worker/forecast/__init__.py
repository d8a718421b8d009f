"""Prices a run before it starts: the calls that it takes, and how long."""
