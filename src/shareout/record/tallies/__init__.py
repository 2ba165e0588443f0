"""What a journal comes to: a state for each position, the sums, how long jobs take."""
