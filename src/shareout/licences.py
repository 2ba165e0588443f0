"""What of other people's this very program holds or finds, and under which licence each is: `--version --licences`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import find_spec

KNOWN = (
    ("", "Python", "PSF-2.0"),
    ("blake3", "blake3", "CC0-1.0 or Apache-2.0"),
    ("questionary", "questionary", "MIT"),
    ("prompt_toolkit", "prompt_toolkit", "BSD-3-Clause"),
    ("wcwidth", "wcwidth", "MIT"),
    ("ssl", "OpenSSL", "Apache-2.0"),
    ("cryptography", "cryptography", "Apache-2.0 or BSD-3-Clause"),
    ("_cffi_backend", "cffi", "MIT"),
    ("shareout_nats_server", "NATS server", "Apache-2.0"),
)
"""By the module that shows whether it is there."""
BOOTLOADER = ("PyInstaller's bootloader", "GPL-2.0-or-later, with an exception for what is packed")


def licences() -> Iterator[str]:
    """A line for each."""
    found = [(name, licence) for module, name, licence in KNOWN if not module or find_spec(module) is not None]
    if getattr(sys, "frozen", False):
        found.append(BOOTLOADER)
    for name, licence in found:
        yield f"{name}: {licence}"
