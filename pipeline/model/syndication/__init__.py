"""Articles in, episodes out: feeds, podcasts and their schedules."""
