"""What one line means: the query, the event, the parser, exact numbers, times."""
