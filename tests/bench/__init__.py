"""Measured figures, each against the machine's own limit in the same run."""
