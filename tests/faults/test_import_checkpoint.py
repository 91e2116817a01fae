"""D21: checkpoints of others, whole, odd and hostile."""

from __future__ import annotations

import argparse
import json
import pickle
from functools import partial
from random import Random

import numpy as np
import pytest
import torch
from parity.checkpoints import TOO_OLD, Maker, contrastive, under
from parity.test_contrast_parity import MADE
from strategies import standing_person

from msclr.cli import main
from msclr.errors import ConfigError, MissingExtraError, MissingFileError, ModelError, MsclrError, NotAFileError
from msclr.hub.foreign.importing import import_checkpoint
from msclr.hub.load import load_pretrained


class Payload:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path) -> None:
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.fixture(autouse=True)
def _opened_by_this_torch(request):
    if TOO_OLD and "old_torch" not in request.node.name:
        pytest.skip(TOO_OLD)


@pytest.fixture
def state():
    make = Maker(0)
    return make.encoder(4, 8) | make.projection(8)


def saved(content, tmp_path, name="net.pt"):
    torch.save(content, tmp_path / name)
    return tmp_path / name


def test_d21_a_payload_never_runs_without_the_flag(state, tmp_path, capsys):
    trace = tmp_path / "trace"
    path = saved(contrastive(state) | {"extra": Payload(trace)}, tmp_path)
    with pytest.raises(ModelError, match=r"open is pickled in it, and opening that may run any code.*--allow-pickle"):
        import_checkpoint(path)
    assert main(["import-checkpoint", str(path), "-o", str(tmp_path / "model")]) == 1
    assert not trace.exists()
    assert not (tmp_path / "model").exists()
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_d21_the_flag_runs_it_and_says_so(state, tmp_path, capsys):
    trace = tmp_path / "trace"
    path = saved(contrastive(state) | {"extra": Payload(trace)}, tmp_path)
    assert main(["import-checkpoint", str(path), "-o", str(tmp_path / "model"), "--allow-pickle"]) == 0
    assert trace.exists()
    assert "--allow-pickle runs whatever is in" in capsys.readouterr().err


@pytest.mark.parametrize(
    "extra", [argparse.Namespace(lr=0.1), np.float64(0.5), {"best": np.int64(3)}], ids=["namespace", "scalar", "nested"]
)
def test_d21_arguments_and_numpy_scalars_need_the_flag(state, extra, tmp_path):
    path = saved({"state_dict": under("module.encoder_q", state), "args": extra}, tmp_path)
    with pytest.raises(ModelError, match=r"(argparse.Namespace|numpy[\w.]*scalar) is pickled in it.*--allow-pickle"):
        import_checkpoint(path)
    report = import_checkpoint(path, allow_pickle=True).report
    assert report.other == ("args",)
    assert "A" not in report.unused


def test_d21_every_key_is_reported_and_the_folder_embeds_clips(state, tmp_path, capsys):
    everything = contrastive(state)
    assert len(everything) == 364  # as in the published files
    path = saved({f"module.{name}": value for name, value in everything.items()}, tmp_path)
    folder = tmp_path / "model"
    assert main(["import-checkpoint", str(path), "--family", "aimclr", "-o", str(folder)]) == 0
    text = capsys.readouterr().out
    for name in everything:
        assert name in text
    assert "a published checkpoint (aimclr, joint)" in (folder / "README.md").read_text()
    report = json.loads((folder / "metrics.json").read_text())["import"]
    assert {each["key"] for each in report["keys"]} == set(everything)
    uses = {each["key"]: each["use"] for each in report["keys"]}
    assert uses["encoder_q.A"] == "encoder"
    assert uses["encoder_q.fc.2.bias"] == "head"
    assert uses["encoder_q.data_bn.num_batches_tracked"] == "counter"
    assert uses["encoder_k.A"] == "key encoder"
    assert uses["queue_ptr"] == "queue"
    assert "unknown" not in uses.values()
    encoder = load_pretrained(folder)
    vectors = encoder.embed([standing_person("kinect_v2_25", frames=80), standing_person("kinect_v2_25", frames=30)])
    assert vectors.shape == (2, 8)
    assert vectors.isfinite().all()
    with pytest.raises(MsclrError, match=r"msclr\.convert"):
        encoder.embed(standing_person("smpl_24"))


def test_d21_a_missing_head_is_no_problem(tmp_path):
    result = import_checkpoint(saved(under("encoder_q", Maker(1).encoder(4, 8)), tmp_path))
    assert result.head is None
    assert result.report.unused == tuple(f"encoder_q.{key}" for key in Maker(1).encoder(4, 8) if "tracked" in key)


def test_d21_another_joint_count_needs_its_convention(tmp_path):
    path = saved(under("encoder_q", Maker(2).encoder(4, 8, joints=17)), tmp_path)
    with pytest.raises(ConfigError, match=r"17 joints of an unknown convention.*--format"):
        import_checkpoint(path)
    with pytest.raises(ModelError, match="weights for 17 joints; expected the 24 joints of 'smpl_24'"):
        import_checkpoint(path, formats=["smpl_24"])
    assert import_checkpoint(path, formats=["h36m_17"]).report.skeletons == ("h36m_17",)


def test_d21_the_wrong_family_is_refused(state, tmp_path):
    path = saved(contrastive(state), tmp_path)
    for family in ("crosclr", "ms-clr", "isc", "skelemixclr", "stgcn"):
        with pytest.raises(ModelError, match=f"skeletonclr or aimclr, not of {family}"):
            import_checkpoint(path, family=family)
    with pytest.raises(ConfigError, match="family 'resnet'"):
        import_checkpoint(path, family="resnet")
    with pytest.raises(ModelError, match="keys of no family"):
        import_checkpoint(saved({"conv.weight": torch.zeros(3)}, tmp_path, "other.pt"))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: s.pop("st_gcn_networks.3.tcn.0.running_var"), "networks.3.tcn.0.running_var is missing"),
        (lambda s: s.pop("st_gcn_networks.9.gcn.conv.weight"), "networks.9.gcn.conv.weight missing"),
        (lambda s: s.pop("A"), "A is missing"),
        (lambda s: s.update({"edge_importance.4": torch.ones(3, 24, 24)}), r"importance.4 is \[3, 24, 24\]"),
        (lambda s: s.update({"st_gcn_networks.2.tcn.2.weight": torch.ones(4, 4, 9)}), r"tcn.2.weight is \[4, 4, 9\]"),
        (lambda s: s.update({"st_gcn_networks.2.gcn.conv.bias": torch.ones(13)}), r"gcn.conv.bias is \[13\]"),
        (lambda s: s.update({"A": torch.full((3, 25, 25), torch.nan)}), "NaN or infinite values in A"),
        (lambda s: s.update({"st_gcn_networks.2.residual.0.weight": torch.ones(4, 4, 1, 1)}), "residual.0.bias is"),
        (lambda s: s.update({"st_gcn_networks.10.gcn.conv.weight": torch.ones(4, 4, 1, 1)}), "no ST-GCN of 10 blocks"),
        (lambda s: s.update({"surprise.weight": torch.ones(4)}), "1 tensors of the encoder have no place"),
        (lambda s: s.update({"fc.2.weight": torch.ones(6, 9)}), "tensors of the head do not fit"),
    ],
)
def test_d21_damaged_layouts_are_named(state, change, says, tmp_path):
    change(state)
    with pytest.raises(ModelError, match=says):
        import_checkpoint(saved(under("encoder_q", state), tmp_path))


def test_d21_what_is_no_checkpoint(tmp_path):
    with pytest.raises(MissingFileError):
        import_checkpoint(tmp_path / "nothing.pt")
    with pytest.raises(NotAFileError, match="not a regular file"):
        import_checkpoint(tmp_path)
    for content in (b"", b"hello world", pickle.dumps({"a": 1})[:-3]):
        (tmp_path / "odd.pt").write_bytes(content)
        with pytest.raises(ModelError, match="not readable"):
            import_checkpoint(tmp_path / "odd.pt")
    with pytest.raises(ModelError, match="no tensors, only 'epoch'"):
        import_checkpoint(saved({"epoch": 3}, tmp_path))
    with pytest.raises(ModelError, match="a list"):
        import_checkpoint(saved([torch.zeros(3)], tmp_path))


def test_d21_an_old_torch_is_refused(state, tmp_path, monkeypatch):
    path = saved(contrastive(state), tmp_path)
    monkeypatch.setattr(torch, "__version__", "2.9.1+cu128")
    with pytest.raises(MissingExtraError, match=r"torch 2.9.1.*torch>=2.10"):
        import_checkpoint(path)


def test_d21_a_stream_that_is_not_there(state, tmp_path):
    path = saved(contrastive(state) | contrastive(state, "_motion"), tmp_path)
    with pytest.raises(ModelError, match="no bone stream; expected joint or motion"):
        import_checkpoint(path, stream="bone")


def damaged(state, random):
    """The state with one or two tensors dropped, renamed or of another shape."""
    state = dict(state)
    for _ in range(random.randrange(1, 3)):
        key = random.choice(sorted(state))
        value = state.pop(key)
        changes = (
            {key: value[..., None]},
            {key: value.flatten()[:-1]},
            {key: torch.tensor(3.0)},
            {key: value[: max(1, len(value) // 2)] if value.dim() else value},
            {f"{key}.x": value},
            {},
        )
        state |= random.choice(changes)
    return state


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["stgcn", "skelemixclr", "ms-clr", "sequence", "graph", "image"])
def test_d21_whatever_is_wrong_with_the_tensors_is_an_error_of_ours(kind, seed, tmp_path):
    make, random = Maker(seed), Random(seed)
    whole = {
        "stgcn": lambda: make.encoder(4, 8) | make.layer("fcn", 5, 8, 1, 1),
        "skelemixclr": lambda: make.encoder(4, 8, directed=True) | make.projection(8, normalised=True),
        "ms-clr": lambda: make.flexible(4, 8, ["ntu-rgb+d", "smpl_24"]) | make.projection(8),
        **{name: partial(made, make) for name, made in MADE.items()},
    }[kind]()
    refused = 0
    for _ in range(8):
        path = saved(under("encoder_q", damaged(whole, random)), tmp_path)
        try:
            import_checkpoint(path)
        except MsclrError:
            refused += 1
    assert refused >= 4  # what is left over is in heads and counters


def test_d14_a_folder_with_only_a_pickle_points_to_the_import(state, tmp_path):
    saved(state, tmp_path, "pytorch_model.bin")
    with pytest.raises(ModelError, match="msclr import-checkpoint FILE -o FOLDER"):
        load_pretrained(tmp_path)
