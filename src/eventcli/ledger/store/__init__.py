"""The file of a ledger: an SQLite database with its schema, lock and transactions."""
