"""A ledger over HTTP: its totals as they change, a page that shows them, and events that are posted to it."""
