"""Threads: intake, work, delivery, and the run that owns them."""
