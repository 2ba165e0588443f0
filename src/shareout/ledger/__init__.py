"""What hosts that share one plan tell each other, so that they finish together; it is kept in a store."""
