"""Text -> sound: one boundary, several backends behind it."""
