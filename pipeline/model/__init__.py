"""The nouns of Bookcast: frozen values without input or output."""
