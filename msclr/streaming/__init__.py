"""Vectors of poses that come in frame by frame."""

from msclr.streaming.encoder import StreamedWindow, StreamingEncoder

__all__ = ["StreamedWindow", "StreamingEncoder"]
