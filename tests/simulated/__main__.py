"""`python -m simulated SEED [COUNT]`, with tests/ on the path."""

import sys

from simulated.planted import bug_of, plant

if "--planted" in sys.argv:
    # Before the program is loaded.
    plant(bug_of(sys.argv[sys.argv.index("--planted") + 1]))

from simulated.drive import main

sys.exit(main())
