"""What commands print, and the global options."""
