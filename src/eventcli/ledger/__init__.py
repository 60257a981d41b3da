"""Totals across many runs: every line of a stream counts once."""
