"""Logs of several machines, as one."""
