"""The studio as one ASGI app: doors, guards, errors."""
