"""Vectors kept to be searched many times: on disk verified, in memory small, exact or, above some millions, by cell."""

from msclr.index.vector_index import VectorIndex

__all__ = ["VectorIndex"]
