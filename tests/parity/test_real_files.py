"""Imported weights on recordings of a real sensor: from the file to the vector, against the naive line and network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from oracles import published_lines
from oracles import published_stgcn as naive
from parity.checkpoints import TOO_OLD, Maker, under

import msclr
from msclr.hub.foreign.importing import import_checkpoint

pytestmark = pytest.mark.skipif(bool(TOO_OLD), reason=TOO_OLD)


def test_kinect_files_give_what_the_published_line_and_network_give(data_root, tmp_path):
    state = Maker(11).encoder(4, 8)
    torch.save(under("encoder_q", state), tmp_path / "net.pt")
    encoder = import_checkpoint(tmp_path / "net.pt", family="skeletonclr").encoder
    files = sorted((data_root / "raw" / "ntu").glob("*.skeleton"))[::4]
    assert files
    for file in files:
        recording = msclr.read(file)
        bodies = np.zeros((2, recording.num_frames, 25, 3))
        bodies[: recording.num_persons] = recording.positions[:2]
        whole = recording.persons(range(min(2, recording.num_persons)))
        prepared = published_lines.cros(bodies.transpose(1, 2, 3, 0), 50)
        expected = naive.pool(naive.last_map(torch.from_numpy(prepared).permute(2, 0, 1, 3)[None], state), 2)
        ours = encoder.embed(whole, normalize=False).double()
        assert torch.allclose(ours, expected, atol=1e-4 * float(expected.abs().max()))
