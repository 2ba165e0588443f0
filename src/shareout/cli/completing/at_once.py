"""Runs in an executable before the entry does: what a shell asks at each Tab is answered without it. The entry may take
seconds to load what it imports, and is not to run for who has not pressed Enter."""

from __future__ import annotations

import os
import sys

if sys.argv[1:2] == ["completion"]:
    from shareout.cli import main

    CODE = main()
    sys.stdout.flush()
    os._exit(CODE)
