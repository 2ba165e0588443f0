"""The lines of a journal: what each may say, and the commonest of them read in bulk."""
