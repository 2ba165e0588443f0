"""What this host grants, and which jobs fit into it now."""
