"""What hosts that share one plan tell each other, so that they finish together: kept in a store, a folder or a network."""
