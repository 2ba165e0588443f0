"""What all hosts are asked, one thing behind the other: its text, what it comes to, and how a host follows it."""
