"""Small corpora that have what large ones have: corrupt files, equal names, links, files that are no recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from strategies import standing_person

import msclr
from msclr.models.build import build_encoder
from msclr.models.config import EncoderConfig

KINDS = ("coco_17", "kinect_v2_25", "h36m_17")


def small_encoder(seed=0):
    torch.manual_seed(seed)
    return build_encoder(EncoderConfig(channels=(8,), strides=(2,), dim=8, frames=8)).eval()


def corpus(folder: Path, count: int) -> Path:
    """Files of three conventions, two of each name in different folders; every hundredth corrupt, one of nobody."""
    folder.mkdir()
    for number in range(count):
        path = folder / f"subject {number % 2}" / f"clip {number // 2:06d}.npz"
        path.parent.mkdir(exist_ok=True)
        kind = KINDS[number % len(KINDS)]
        msclr.write(standing_person(kind, frames=4, dims=msclr.get_skeleton(kind).dims, seed=number), path)
        if number % 100 == 50:
            path.write_bytes(path.read_bytes()[:200])
    nobody = msclr.PoseSequence.from_array(np.full((1, 4, 17, 2), np.nan), "coco_17")
    msclr.write(nobody, folder / "nobody.npz")
    (folder / "notes.md").write_text("not a recording")
    (folder / "zzz.npz").symlink_to(folder / "subject 0" / "clip 000000.npz")
    return folder


def expected(encoder, folder):
    """Name to vector of every file that can be embedded."""
    paths = [path for path in folder.glob("subject */*.npz") if path.stat().st_size > 200]
    return dict(zip(map(str, paths), encoder.embed([msclr.read(path) for path in paths]), strict=True))


def assert_whole(index, encoder, folder):
    """Every file that can be embedded is in the index, once, with its vector."""
    wanted = expected(encoder, folder)
    names = list(index.names)
    assert sorted(names) == sorted(wanted)
    torch.testing.assert_close(
        index.vectors.float(), torch.stack([wanted[name] for name in names]), rtol=1e-3, atol=1e-3
    )


def assert_accounted(done, folder, count):
    """Every file has one outcome."""
    files = sorted(str(path) for path in folder.rglob("*") if not path.is_dir())
    assert sorted(entry.path for entry in done.inputs) == files
    assert len(done.failures) == count // 100
    assert {Path(entry.path).name: entry.reason.split(":")[0].split(" /")[0] for entry in done.left_out} == {
        "nobody.npz": "no known joint in any frame",
        "notes.md": "no format has this ending",
        "zzz.npz": "the same file as",
    }
