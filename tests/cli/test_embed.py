from __future__ import annotations

import numpy as np
import pytest
import torch

import msclr
from msclr.cli.vectors import read_vectors
from msclr.errors import FileFormatError, MissingFileError, NotAFileError
from msclr.models.fingerprint import fingerprint


def test_vectors_are_those_of_the_encoder(run, clips, model_folder, tmp_path):
    outcome = run("embed", *clips, "-o", tmp_path / "v.npz", "--model", model_folder)
    assert (outcome.code, outcome.err) == (0, "")
    encoder = msclr.load_pretrained(model_folder)
    found = read_vectors(tmp_path / "v.npz")
    expected = encoder.embed([msclr.read(path) for path in clips])
    torch.testing.assert_close(torch.from_numpy(found.vectors), expected)
    assert found.names == tuple(map(str, clips))
    assert found.skeletons == tuple(path.stem for path in clips)
    assert found.model == str(model_folder)
    assert found.model_sha256 == fingerprint(encoder)
    with np.load(tmp_path / "v.npz", allow_pickle=False) as archive:
        assert {"vectors", "names", "skeletons", "model", "model_sha256"} <= set(archive.files)


def test_one_bad_file_does_not_cost_the_others(run, clips, model_folder, tmp_path):
    empty = tmp_path / "empty.npz"
    spec = msclr.get_skeleton("coco_17")
    msclr.write(msclr.PoseSequence.from_array(np.full((1, 4, 17, 2), np.nan), spec), empty)
    broken = tmp_path / "broken.npz"
    broken.write_bytes(b"PK\x03\x04 nothing else")
    files = [clips[0], broken, empty, tmp_path / "none", clips[1]]
    outcome = run("embed", *files, "-o", tmp_path / "v.npz", "--model", model_folder)
    assert outcome.code == 1
    assert "2 of 5 files" in outcome.out
    lines = outcome.err.splitlines()
    assert len(lines) == 4
    for path in (broken, empty, tmp_path / "none"):
        assert sum(str(path) in line for line in lines) == 1
    assert lines[-1] == "msclr: error: 3 of 5 files could not be embedded"
    assert read_vectors(tmp_path / "v.npz").names == (str(clips[0]), str(clips[1]))


def test_nothing_is_written_if_nothing_could_be_embedded(run, model_folder, tmp_path):
    target = tmp_path / "v.npz"
    target.write_bytes(b"precious")
    assert run("embed", tmp_path / "none", "-o", target, "--model", model_folder).code == 1
    assert target.read_bytes() == b"precious"


def test_unwritable_output_is_an_error_and_leaves_nothing(run, clips, model_folder, tmp_path):
    outcome = run("embed", clips[0], "-o", tmp_path / "no" / "v.npz", "--model", model_folder)
    assert outcome.code == 1
    assert outcome.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_unknown_model(run, clips, tmp_path):
    outcome = run("embed", clips[0], "-o", tmp_path / "v.npz", "--model", "msclr-bsae")
    assert outcome.code == 1
    assert "msclr-bsae" in outcome.err
    assert outcome.err.count("\n") == 1


def test_vector_files_are_checked(tmp_path, clips):
    with pytest.raises(MissingFileError):
        read_vectors(tmp_path / "none")
    with pytest.raises(NotAFileError):
        read_vectors(tmp_path)
    with pytest.raises(FileFormatError, match="msclr embed"):
        read_vectors(clips[0])
    for content in (b"", b"junk", b"PK\x03\x04"):
        (tmp_path / "junk").write_bytes(content)
        with pytest.raises(FileFormatError):
            read_vectors(tmp_path / "junk")
    facts = {"format_version": 1, "names": ["a", "b"], "skeletons": ["x", "x"], "model": "m", "model_sha256": "0"}
    np.savez(tmp_path / "short.npz", vectors=np.ones((1, 4)), **facts)
    with pytest.raises(FileFormatError, match="2 names"):
        read_vectors(tmp_path / "short.npz")
    np.savez(tmp_path / "new.npz", vectors=np.ones((2, 4)), **{**facts, "format_version": 2})
    with pytest.raises(FileFormatError, match="version 2"):
        read_vectors(tmp_path / "new.npz")


def test_fingerprint_tells_weights_apart(model_folder, other_model_folder):
    first, again = (fingerprint(msclr.load_pretrained(model_folder)) for _ in range(2))
    assert first == again != fingerprint(msclr.load_pretrained(other_model_folder))


def test_fingerprint_tells_streams_of_the_same_weights_apart():
    from msclr.models.build import build_encoder
    from msclr.models.config import PerSkeletonConfig

    joint, bone = (
        build_encoder(PerSkeletonConfig(skeletons=("coco_17",), hidden=4, dim=8, stream=stream))
        for stream in ("joint", "bone")
    )
    bone.load_state_dict(joint.state_dict())
    assert fingerprint(joint) != fingerprint(bone)
    bone.config = joint.config
    assert fingerprint(joint) == fingerprint(bone)
