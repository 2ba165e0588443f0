"""What `serve` does: a NATS server of its own, watched, and what hosts have shipped to it laid into run directories."""
