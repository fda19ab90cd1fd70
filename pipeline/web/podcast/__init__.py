"""Podcasts for apps."""
