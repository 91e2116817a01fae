"""Reports of evaluations: data and strict JSON, tables, Markdown, pictures."""

from msclr.evaluate.reports.report import DataFacts, Method, ModelFacts, Report, Task

__all__ = ["DataFacts", "Method", "ModelFacts", "Report", "Task"]
