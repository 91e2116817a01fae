"""Labelled data sets: loaders for the files of the field, and one class for what they hold."""

from msclr.evaluate.data.labelled import LabelledClips, LazyClips, Sides
from msclr.evaluate.data.ntu import ntu_clips
from msclr.evaluate.data.nwucla import nwucla_clips
from msclr.evaluate.data.pku import pku_clips
from msclr.evaluate.data.prepared import collection_clips, pyskl_clips, store_clips
from msclr.evaluate.data.samples import sample_clips
from msclr.evaluate.data.source import DataOptions, open_labelled
from msclr.evaluate.data.table import table_clips
from msclr.io.reading import Reading

__all__ = [
    "DataOptions",
    "LabelledClips",
    "LazyClips",
    "Reading",
    "Sides",
    "collection_clips",
    "ntu_clips",
    "nwucla_clips",
    "open_labelled",
    "pku_clips",
    "pyskl_clips",
    "sample_clips",
    "store_clips",
    "table_clips",
]
