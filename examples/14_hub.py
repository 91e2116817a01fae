"""Publish a model on the Hugging Face Hub, for nobody but you at first, and load exactly that one from there.

Run: python examples/14_hub.py OWNER/NAME [FOLDER]     makes the repository and adds the model to it
     python examples/14_hub.py OWNER/NAME@REVISION     only loads it

FOLDER is what `msclr pretrain` or `save_pretrained` wrote; without it, a copy of the bundled model is published. The
first needs a token with the right to write: `hf auth login` once, or the variable HF_TOKEN.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import msclr
from msclr.samples import sample_paths

if len(sys.argv) < 2:
    sys.exit(__doc__)
name = sys.argv[1]

if "@" not in name:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(place) / "model"
        if len(sys.argv) <= 2:
            msclr.save_pretrained(msclr.load_pretrained(), folder, name=name.rpartition("/")[2], licence="apache-2.0")
        sha256 = msclr.model_info(folder).sha256
        pushed = msclr.push_to_hub(folder, name)  # verified first, in one commit; private=False shows it to everybody
    print(f"published: {pushed.url}")
    name = str(pushed)  # OWNER/NAME@COMMIT: a branch can move, a commit cannot
    msclr.load_pretrained(name, expected_sha256=sha256)  # and these weights, whoever owns the repository one day

info = msclr.model_info(name)  # everything but the weights
print(f"{info.source}\n  {info.dim} numbers, licence {info.licence}, sha256 {info.sha256}")

encoder = msclr.load_pretrained(name)  # from the cache if it is there; every file is hashed anew
walk, squat = (msclr.read(sample_paths()[recording]) for recording in ("cmu_walk_bvh", "uiprmd_deep_squat_kinect"))
score = msclr.similarity(encoder.embed(walk), encoder.embed(squat)).item()
print(f"  a walk and a squat are alike by {score:.2f}")
