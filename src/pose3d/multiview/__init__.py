"""Several calibrated cameras that see one person at once: what they agree on, without any labels."""
