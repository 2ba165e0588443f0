"""Slurm: what asks it for an array of machines, what it tells of one, and what to make of that."""
