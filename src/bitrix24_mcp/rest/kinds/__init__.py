"""Every other kind of record, each with methods of its own."""
