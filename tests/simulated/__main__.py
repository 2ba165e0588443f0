"""`python -m simulated SEED [COUNT]`, with tests/ on the path."""

import sys

from simulated.drive import main

sys.exit(main())
