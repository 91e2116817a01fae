"""Pretraining: configuration, data, views and the loop."""
