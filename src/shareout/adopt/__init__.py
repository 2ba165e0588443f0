"""What is done of an earlier list of jobs, found again in a later one by the jobs' texts."""
