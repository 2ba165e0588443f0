"""Views only: what others computed, drawn for eyes. Nothing here decides anything."""
