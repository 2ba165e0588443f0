"""Run directories of any machines in; one table, one log, and the proof that nothing is missing, out."""
