"""What jobs print: a file a slot, the log, the screen, and what was set aside."""
