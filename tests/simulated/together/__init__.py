"""Several machines of one simulated host that share a ledger: whole runs, each with its crew, its guardian, its workers
and its liaison, around a store that is in nobody's memory but the test's."""
