"""Which of the machines this is, where no person says it: a scheduler's word, or `--shard`."""
