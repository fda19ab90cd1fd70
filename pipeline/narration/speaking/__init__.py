"""Chunks -> clips, each spoken once."""
