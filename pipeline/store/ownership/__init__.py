"""Who holds what, and whether they still live."""
