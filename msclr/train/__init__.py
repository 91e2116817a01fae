"""Pretraining: configuration, data, views and the loop."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from msclr.train.loop import pretrain
    from msclr.train.runs import list_recipes, load_run

__all__ = ["list_recipes", "load_run", "pretrain"]

_HOMES = {"list_recipes": "runs", "load_run": "runs", "pretrain": "loop"}


def __getattr__(name: str) -> object:
    """Import a public name on its first use; the recipes can be listed without torch."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"msclr.train.{_HOMES[name]}"), name)
