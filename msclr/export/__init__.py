"""Encoders as graphs that run without msclr: torch.export and ONNX."""

from msclr.export.exported import ExportedModel
from msclr.export.write import export

__all__ = ["ExportedModel", "export"]
