"""How it goes, for a browser on this host: looked at once for all who look, and nothing can be changed from there."""
