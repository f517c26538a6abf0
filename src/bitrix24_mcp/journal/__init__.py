"""The journal of changes, kept in a file beside the accounts."""
