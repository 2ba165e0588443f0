"""The log of a machine: its segments, and what one job has in them."""
