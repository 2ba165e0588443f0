"""The simulated world: `kernel` says who runs, `handles` and `disk` what is open and what is safe, `paths` are its own;
`calls` is the World that the program asks.
"""
