"""Serving, starting and watching flow runs."""
