"""Web addresses -> bytes, from public servers only, within bounds."""
