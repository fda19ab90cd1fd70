"""Clips -> chapters -> a release."""
