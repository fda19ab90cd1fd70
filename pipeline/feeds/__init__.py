"""The order of verbs for articles: from a feed to spoken episodes."""
