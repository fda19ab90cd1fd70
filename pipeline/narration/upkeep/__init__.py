"""Looking after what is kept: checks, edits, the clip cache."""
