"""Vectors of whole corpora: millions of files, resumable, every file accounted for once, on one machine or many."""

from msclr.embed.dataset import EmbeddedCorpus, embed_dataset

__all__ = ["EmbeddedCorpus", "embed_dataset"]
