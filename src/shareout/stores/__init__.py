"""What a ledger is kept in: one room a store, each after the contract of `ledger.store`."""
