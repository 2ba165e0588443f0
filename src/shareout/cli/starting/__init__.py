"""What `init` writes for jobs of one's own: pool, machines, an entry and a Makefile (`files`), whole examples
(`examples`), and the questions that stand for its flags (`asked`)."""
