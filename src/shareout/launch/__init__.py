"""`launch`: from one terminal to all machines. A host is reached, gets the program and the inputs, runs its share,
is followed, and its record comes home. What is true stands at the far end, in lock and journal: all that is kept here
may be lost at any moment, and is found again.
"""
