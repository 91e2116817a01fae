from __future__ import annotations

import msclr


def test_list_has_every_convention_once(run):
    lines = run("skeletons").out.splitlines()
    assert tuple(line.split()[0] for line in lines) == msclr.list_skeletons()


def test_pattern_chooses(run):
    lines = run("skeletons", "openpose_*").out.splitlines()
    assert tuple(line.split()[0] for line in lines) == msclr.list_skeletons("openpose_*")
    assert run("skeletons", "no_such_*") == (0, "", "")


def test_one_convention_is_shown_as_a_tree(run):
    for id in msclr.list_skeletons():
        spec = msclr.get_skeleton(id)
        out = run("skeletons", id).out.splitlines()
        tree = out[next(number for number, line in enumerate(out) if line.startswith("joints (")) + 1 :]
        depth: dict[int, int] = {-1: 0}
        for line in tree:
            joint, name = int(line.split()[0]), line.split()[1]
            assert name == spec.joints[joint]
            depth[joint] = (len(line[5:]) - len(line[5:].lstrip())) // 2
            assert depth[joint] == depth[spec.parents[joint]] + 1
        assert len(depth) == spec.num_joints + 1


def test_alias_and_unknown_name(run):
    assert run("skeletons", "NTU-RGB+D").out == run("skeletons", "kinect_v2_25").out
    unknown = run("skeletons", "coco_71")
    assert unknown.code == 1
    assert "coco_17" in unknown.err
