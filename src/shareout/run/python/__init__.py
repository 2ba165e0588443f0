"""The far side of the fork, for Python jobs: arguments bound, called, and what they left cleaned up."""
