"""The report as a page: numbers, charts, tables, in one file."""
