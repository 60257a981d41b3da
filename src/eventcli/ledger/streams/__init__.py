"""Which stream a file holds, proved by its content."""
