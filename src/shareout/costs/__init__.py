"""How long jobs take, relative to each other, where that is known: read exactly, and what it decides. Pure but for the
reading. `docs/algorithm.md` specifies what is a cost and where shares end; `source` is the door."""
