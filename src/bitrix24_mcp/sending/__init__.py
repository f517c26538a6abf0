"""How requests reach a portal, whichever door they take: connection, repeats, shared requests, harmless words."""
