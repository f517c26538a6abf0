"""Reading much: whole scans, whether nothing changed meanwhile, what it may cost and how far it is."""
