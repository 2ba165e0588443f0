"""What other tools' files say became of jobs."""
