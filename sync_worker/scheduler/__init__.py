"""When: schedules, ticks, catch-up."""
