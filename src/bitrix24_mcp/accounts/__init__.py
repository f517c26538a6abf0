"""Portals that were connected through an OAuth application: who they are, their tokens, and how these are had."""
