"""Checks of what the worker depends on: Procore, this machine, the database."""
