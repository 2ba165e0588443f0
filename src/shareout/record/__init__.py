"""What a run leaves behind: the journal (the only source of truth), the log, and the names of all files."""
