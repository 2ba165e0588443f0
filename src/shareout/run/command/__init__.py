"""The far side of the fork, for commands: spawned, waited for, described by their variables."""
