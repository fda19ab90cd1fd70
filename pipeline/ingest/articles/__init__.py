"""Web pages and items of feeds -> articles."""
