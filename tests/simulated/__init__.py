"""A run in a world that goes wrong: a kernel, a disk and a clock of our own, deterministic from a seed.

`system` is that world, `programs` are the jobs in it. `plans` makes a case from a seed, `host` runs it on one machine
where `mishaps` come to it, and an `observer` looks whether the `laws` hold; `drive` searches and shrinks.
"""
