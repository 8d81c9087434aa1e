"""Errors, signals, files, processes and jobs: nothing of poses."""
