"""Records: lists of them, single ones, and what belongs to them."""
