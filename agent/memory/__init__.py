"""What was seen and is kept: the ledger, last-known-good sets, changes, and the store."""
