"""Where a ledger is, and how its stores are opened."""
