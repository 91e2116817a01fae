"""Clip stores: recordings of any conventions in a few flat files that are memory-mapped, for training on much data.

`prepare` makes a store of files that msclr reads, `ClipStore` opens it; docs/store.md has the format byte by byte.
"""

from msclr.store.build import Prepared, prepare
from msclr.store.clip_store import ClipStore
from msclr.store.collection import to_collection
from msclr.store.dataset import from_dataset
from msclr.store.gather import WindowBlock
from msclr.store.inputs import InputOutcome
from msclr.store.loader import WindowLoader
from msclr.store.pack import pack
from msclr.store.rows import Columns, clips_of_rows, parquet_rows
from msclr.store.window_dataset import WindowDataset, collate
from msclr.store.windows import Windows
from msclr.store.write import write_store

__all__ = [
    "ClipStore",
    "Columns",
    "InputOutcome",
    "Prepared",
    "WindowBlock",
    "WindowDataset",
    "WindowLoader",
    "Windows",
    "clips_of_rows",
    "collate",
    "from_dataset",
    "pack",
    "parquet_rows",
    "prepare",
    "to_collection",
    "write_store",
]
