"""What kinds of records there are, and what the portal is known to do with each."""
