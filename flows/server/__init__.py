"""Prefect's server of a data directory."""
