"""Figures, videos and the player."""
