"""The rate budget of a portal and of a key."""
