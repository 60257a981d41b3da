"""Totals over many runs: every line of a stream counts once."""
