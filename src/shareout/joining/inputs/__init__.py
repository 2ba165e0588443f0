"""Inputs of a run that lie in the store, for hosts that come with nothing."""
