"""An entry script → one executable file with every subcommand, for machines on which nothing is installed."""
