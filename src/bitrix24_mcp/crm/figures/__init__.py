"""Figures: what is measured and by what, the ways to compute it, and how the rows of the answer are made."""
