"""A ledger on a NATS server with JetStream: one address that all hosts can reach, and no folder in common."""
