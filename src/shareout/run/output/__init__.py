"""What jobs print: two files a slot, the log, the screen, and what was set aside."""
