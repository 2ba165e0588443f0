"""What a call was given: a pool on the command line, run directories, the call that made them."""
