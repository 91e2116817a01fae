"""Small model folders, whole and damaged, for tests."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from msclr.hub.manifest import MANIFEST, Manifest
from msclr.hub.save import save_pretrained
from msclr.models.build import build_encoder
from msclr.models.config import EncoderConfig
from msclr.models.encoder import MultiSkeletonEncoder

TINY = EncoderConfig(channels=(8,), strides=(1,), dim=8)


def tiny_encoder(seed: int = 0, config: EncoderConfig = TINY) -> MultiSkeletonEncoder:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_encoder(config).eval()


def save_tiny(folder: Path, seed: int = 0) -> Path:
    return save_pretrained(tiny_encoder(seed), folder)


def same_weights(first: torch.nn.Module, second: torch.nn.Module) -> bool:
    ours, theirs = first.state_dict(), second.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def put(folder: Path, file: str, data: bytes, *, listed: bool = True) -> None:
    """Replace a file; `listed`: and make the manifest agree, as somebody who wants to be believed would."""
    (folder / file).write_bytes(data)
    if listed:
        old = json.loads((folder / MANIFEST).read_text())
        names = set(old["files"]) | {file}
        contents = {name: (folder / name).read_bytes() for name in names}
        manifest = Manifest.of(contents, name=old["name"], licence=old["licence"])
        (folder / MANIFEST).write_bytes(manifest.to_json())
