"""The same bits on unequal CPUs: what decides them on this machine, and what pins them."""
