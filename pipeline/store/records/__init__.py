"""What is kept of each noun, as rows."""
