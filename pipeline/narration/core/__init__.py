"""What every verb of a narration is given: the order, the open data directory, the run."""
