"""Decides what a run reads: streams, projects, partitions, windows."""
