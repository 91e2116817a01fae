"""The configurations of the encoders, one class for each face."""
