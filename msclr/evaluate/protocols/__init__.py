"""Protocols: the ways in which the field judges frozen features, each from a split to an outcome."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from msclr.evaluate.protocols.neighbours import NearestNeighbours
from msclr.evaluate.protocols.protocol import Outcome, Protocol, ReliabilityBin, ViewProtocol
from msclr.evaluate.protocols.repeat import SEEDS, Repeated, repeat, repeat_views
from msclr.evaluate.protocols.split import Split

PROTOCOLS: Mapping[str, Protocol] = MappingProxyType(
    {protocol.name: protocol for protocol in (NearestNeighbours(1), *(NearestNeighbours(k) for k in (10, 20, 40)))}
)
VIEW_PROTOCOLS: Mapping[str, ViewProtocol] = MappingProxyType({})

__all__ = [
    "PROTOCOLS",
    "SEEDS",
    "VIEW_PROTOCOLS",
    "NearestNeighbours",
    "Outcome",
    "Protocol",
    "ReliabilityBin",
    "Repeated",
    "Split",
    "ViewProtocol",
    "repeat",
    "repeat_views",
]
