"""What a few jobs of a plan tell of all of them: how long it takes, on how many machines, with how much memory."""
