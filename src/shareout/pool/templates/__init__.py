"""{} → a command line: where placeholders stand, and how a value is quoted there."""

SLOT = "{%}"
"""Left standing until a job has its slot."""
