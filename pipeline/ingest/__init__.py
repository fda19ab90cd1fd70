"""Bytes -> documents, articles and feeds."""
