"""HTML, Markdown and plain text -> Document."""
