"""`python -m shareout`: the command runner, as the console script is."""

import sys

from shareout.cli import main

if __name__ == "__main__":
    sys.exit(main())
