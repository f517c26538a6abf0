"""Conditions: from what callers write to what the portal is asked."""
