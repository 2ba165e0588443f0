"""What stands in a table beside the results: which columns are asked for, and where each of them comes from."""
