"""The REST interface and the speech interface."""
