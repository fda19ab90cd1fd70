"""Bytes of feeds and lists of feeds -> items and addresses."""
