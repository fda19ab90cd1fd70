"""The order of verbs for books: from a document to its release."""
