"""{} → a command line: where placeholders stand, and how a value is quoted there."""
