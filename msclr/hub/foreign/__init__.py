"""Checkpoints of the published systems, made into model folders."""
