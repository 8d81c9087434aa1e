"""Skeleton, cameras and rotations."""
