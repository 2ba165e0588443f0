"""One machine's share, run: the crew keeps the slots busy, and what ended is recorded before it counts."""
