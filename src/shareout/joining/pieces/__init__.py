"""Which pieces of the work a host takes, where they are in the ledger, and what of them is in its hands."""
