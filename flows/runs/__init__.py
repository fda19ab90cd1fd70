"""The flows and their tasks."""
