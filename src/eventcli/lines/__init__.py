"""The meaning of one line: the query, the event, the parser, exact numbers, times."""
