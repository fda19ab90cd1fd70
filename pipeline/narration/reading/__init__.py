"""A source -> a stored book -> its plan."""
