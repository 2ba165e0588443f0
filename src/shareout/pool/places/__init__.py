"""Where the rows of a file begin, once it is known; what goes over several lines, and what is wrong with its quotes."""
