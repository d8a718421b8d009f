"""Procore for people without credentials, and for the tests."""
