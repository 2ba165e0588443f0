"""A ledger in a folder that hosts mount, by whatever file system: no server of ours, no lock, nothing to clean up."""
