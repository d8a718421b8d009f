"""Execution of runs that are due."""
