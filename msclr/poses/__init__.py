"""Pose sequences: what a recording holds, brought to common coordinates, packed into batches."""
