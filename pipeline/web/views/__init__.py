"""What pages and interfaces show, as plain values."""
