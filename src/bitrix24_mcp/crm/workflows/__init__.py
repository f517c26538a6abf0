"""Running workflow instances."""
