"""A clip store read by the letter of docs/store.md: struct, one recording at a time, a loop over joints."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

import numpy as np

RECORD = struct.Struct("<IIIIQQqdQII")


def read_store(folder: Path) -> list[dict]:
    """Every recording as a dict of its name, facts and arrays."""
    manifest = json.loads((folder / "store.json").read_text("ascii"))
    for name, entry in manifest["files"].items():
        content = (folder / name).read_bytes()
        assert len(content) == entry["bytes"]
        assert hashlib.sha256(content).hexdigest() == entry["sha256"]
    letter, size = {"float32": ("f", 4), "float16": ("e", 2)}[manifest["precision"]]
    positions, bits = (folder / "positions.bin").read_bytes(), (folder / "valid.bin").read_bytes()
    scores, texts = (folder / "confidence.bin").read_bytes(), (folder / "texts.jsonl").read_bytes()
    starts = []
    at = mask_at = 0
    for table in manifest["tables"]:
        joints = len(table["skeleton"]["joints"])
        starts.append((at, mask_at))
        at += table["rows"] * joints * table["dims"] * size
        mask_at += table["rows"] * -(-joints // 8)
    assert (at, mask_at) == (len(positions), len(bits))
    found = []
    for entry in RECORD.iter_unpack((folder / "index.bin").read_bytes()):
        number, given, source, persons, frames, row, first_score, fps, text, text_bytes, reserved = entry
        assert reserved == 0
        table = manifest["tables"][number]
        joints, dims = len(table["skeleton"]["joints"]), table["dims"]
        array = np.zeros((persons, frames, joints, dims))
        valid = np.zeros((persons, frames, joints), bool)
        confidence = None if first_score == -1 else np.zeros(valid.shape)
        for person in range(persons):
            for frame in range(frames):
                line = row + person * frames + frame
                for joint in range(joints):
                    place = starts[number][0] + (line * joints + joint) * dims * size
                    array[person, frame, joint] = struct.unpack_from(f"<{dims}{letter}", positions, place)
                    byte = bits[starts[number][1] + line * -(-joints // 8) + joint // 8]
                    valid[person, frame, joint] = byte >> (joint % 8) & 1
                    if confidence is not None:
                        which = first_score + (person * frames + frame) * joints + joint
                        confidence[person, frame, joint] = struct.unpack_from("<f", scores, 4 * which)[0]
        facts = json.loads(texts[text : text + text_bytes])
        found.append(
            {
                **facts,
                "skeleton": table["skeleton"],
                "unit": table["unit"],
                "up": table["up"],
                "positions": array,
                "valid": valid,
                "confidence": confidence,
                "fps": fps or None,
                "input": given,
                "from": manifest["sources"][source],
            }
        )
    assert len(found) == manifest["recordings"]
    return found
