"""A whole narration, from what was asked for to what came of it."""
