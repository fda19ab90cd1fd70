"""What is heard: clips, what stands in for them, and assembled chapters."""
