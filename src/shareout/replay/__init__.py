"""One job again, by itself, as it ran."""
