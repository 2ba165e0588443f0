"""Taking part in a ledger: the process that talks to its store, and what a run makes of the answers."""
