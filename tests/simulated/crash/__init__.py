"""All states that a file system may leave of one real run: `recording` writes down what it did to its files, `states`
makes of that what a crash at any moment can leave, and `resuming` goes on from each.

The run is real: Linux, its files and its commands. What is gone on with is so in the simulated world, of which a start
costs some milliseconds; a few states are written out and gone on with on Linux.
"""
