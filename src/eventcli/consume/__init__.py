"""From a queue into a ledger: each message is counted once, and acknowledged only after that."""
