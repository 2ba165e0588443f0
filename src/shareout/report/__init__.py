"""What happened, in numbers: journals and logs → facts. Nothing here draws, prints or decides anything."""
