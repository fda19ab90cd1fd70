"""Prefect: the same stages as flows and tasks."""
