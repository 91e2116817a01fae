"""Contrastive losses: small modules that take tensors and return a `LossOutput`."""

from msclr.losses.infonce import info_nce, unit_rows
from msclr.losses.msclr import MSCLRLoss
from msclr.losses.output import LossOutput
from msclr.losses.pairs import PAIR_POLICIES
from msclr.losses.queue import NegativeQueue

__all__ = ["PAIR_POLICIES", "LossOutput", "MSCLRLoss", "NegativeQueue", "info_nce", "unit_rows"]
