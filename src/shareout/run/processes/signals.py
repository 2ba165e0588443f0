"""The signals that this program handles or ignores: in what it starts, none of them stays so."""

from __future__ import annotations

import signal

# What Python ignores must not stay so in a command. What we handle does not, and what was ignored when we were
# started (by nohup) stays so.
RESET = (signal.SIGPIPE, signal.SIGXFSZ)
