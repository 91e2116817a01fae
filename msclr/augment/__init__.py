"""Variations of poses for training, in batches on the device, with explicit generators."""
