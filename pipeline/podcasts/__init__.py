"""The order of verbs for episodes: from stored sound to podcasts."""
