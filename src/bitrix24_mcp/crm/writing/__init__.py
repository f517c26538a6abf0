"""Changing records so that nothing is lost, done twice, or done unseen."""
