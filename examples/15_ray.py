"""Embed a corpus on a Ray cluster, or on a local Ray: one vector for each file, and an account of every file.

Run: python examples/15_ray.py [FOLDER OUTPUT]     (needs the extra "ray")

The variable RAY_ADDRESS names a cluster, whose machines must all see the files and the output under the same path.
Killed and started again, it goes on where it was; a finished shard is never done twice.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import msclr
from msclr.embed import embed_dataset
from msclr.index import VectorIndex
from msclr.samples import sample_paths


def main(paths: list[Path], output: Path, shard_size: int) -> None:
    encoder = msclr.load_pretrained()
    done = embed_dataset(encoder, paths, output, model="msclr-base", pool="ray", workers=2, shard_size=shard_size)
    print(f"{done.vectors} vectors of {len(done.inputs)} files in {done.path}")
    for entry in done.failures:
        print(f"  failed: {entry.reason}")

    # The folder can be searched at once, by `msclr search FILE --in OUTPUT` too. What is most like the first?
    index = VectorIndex.load(output)
    found = index.search(index.vectors[:1], k=2)
    print(f"{index.names[0]}\n  is most like {index.names[int(found.indices[0, 1])]} ({float(found.scores[0, 1]):.2f})")


if __name__ == "__main__":
    if len(sys.argv) > 2:
        main([Path(sys.argv[1])], Path(sys.argv[2]), shard_size=1000)
    else:
        with tempfile.TemporaryDirectory() as folder:
            broken = Path(folder) / "broken.bvh"
            broken.write_text("HIERARCHY\nno more of it")
            main([*sample_paths().values(), broken], Path(folder) / "vectors", shard_size=2)
