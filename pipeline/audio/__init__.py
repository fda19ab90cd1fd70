"""Clips -> chapters: decoding, effects, loudness, mastering, encoding."""
