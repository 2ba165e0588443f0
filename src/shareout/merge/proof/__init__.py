"""What a merge proves: which record counts, what is missing, who disagrees, and one hash over all."""
