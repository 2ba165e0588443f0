"""Which machine runs which jobs, in what order: worked out by every machine alone, from the inputs' bytes.

`make_plan` is the door; `digest`, `permutation`, `split` and `seeds` are the algorithm that
`docs/algorithm.md` specifies, with the same test vectors as the tests.
"""
