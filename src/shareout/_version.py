"""The version, alone in a file so that `--version` and the build read it without loading anything."""

VERSION = "0.2.0"
