"""Processes as the kernel sees them: children, what they left behind, and who watches when we die."""
