"""Changing a portal over REST: changes as calls, answers as outcomes."""
