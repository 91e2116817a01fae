"""Encoders: pose batches in, vectors out."""
