"""Schedules, ticks, and catch-up after downtime."""
