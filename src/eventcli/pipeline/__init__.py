"""On threads: intake, work, delivery, and the run that owns them."""
