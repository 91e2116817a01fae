"""Section G of the fault list: the command line, importing, optional packages, pickling, secrets."""

from __future__ import annotations

import copy
import os
import pickle
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import torch
from child import ROOT, python
from strategies import standing_person

import msclr
from msclr.models.build import build_encoder
from msclr.models.config import EncoderConfig

BLOCK_EXTRAS = "import sys; [sys.modules.__setitem__(name, None) for name in ('scipy', 'sklearn', 'matplotlib')]; "
CALL = "from msclr.cli import main; import sys; sys.exit(main())"
TOKEN = "hf_" + "Secret0" * 5


def small_encoder() -> torch.nn.Module:
    return build_encoder(EncoderConfig(channels=(8, 16), strides=(1, 2), dim=16, frames=16)).eval()


def test_g01_exit_codes_and_one_line_of_error():
    for words, code in (
        ("--nonsense", 2),
        ("embed", 2),
        ("read /no/such/file", 1),
        ("skeletons coco_17", 0),
    ):
        outcome = python("-m", "msclr", *words.split())
        assert outcome.returncode == code
        assert outcome.stderr.count("\n") == (code != 0)
        assert "Traceback" not in outcome.stderr
        assert bool(outcome.stdout) == (code == 0)


def test_g01_debug_shows_the_traceback():
    outcome = python("-m", "msclr", "read", "/no/such/file", "--debug")
    assert outcome.returncode == 1
    assert "Traceback" in outcome.stderr


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
def test_g01_broken_pipe_is_quiet():
    child = subprocess.Popen(
        [sys.executable, "-m", "msclr", "skeletons"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout is not None
    assert child.stderr is not None
    with child:
        child.stdout.readline()
        child.stdout.close()
        assert child.stderr.read() == b""
    assert child.returncode in (0, 1)


def test_g01_a_full_disk_behind_stdout_is_an_error():
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("w") as full:
        outcome = subprocess.run(
            [sys.executable, "-m", "msclr", "skeletons"],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert outcome.returncode != 0
    assert b"Traceback" not in outcome.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_g01_any_locale_can_show_any_name(encoding):
    # -X utf8=0 with an 8-bit stream encoding is what a non-UTF-8 locale amounts to.
    words = ["-X", "utf8=0", "-m", "msclr", "read", "Тест-漢字.npz"]
    outcome = python(*words, PYTHONIOENCODING=encoding, LC_ALL="C.UTF-8")
    assert outcome.returncode == 1
    assert "no such file or folder" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    posix = {"LC_ALL": "POSIX", "LANG": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    plain = python("-m", "msclr", "skeletons", "coco_17", **posix)
    assert plain.returncode == 0, plain.stderr


def test_g01_help_without_optional_packages():
    for words in (["--help"], ["embed", "--help"], ["skeletons", "coco_17"]):
        outcome = python("-c", BLOCK_EXTRAS + CALL, *words)
        assert outcome.returncode == 0, outcome.stderr
        assert outcome.stdout


def test_g02_import_without_home_or_network_under_errors_for_warnings():
    code = """
import socket
def refuse(*_): raise AssertionError("network")
socket.socket.connect = refuse
import msclr
[getattr(msclr, name) for name in msclr.__all__]
"""
    gone = dict.fromkeys(("HOME", "USERPROFILE", "XDG_CACHE_HOME", "HF_HOME"))
    outcome = python("-W", "error", "-c", code, **gone)
    assert outcome.returncode == 0, outcome.stderr


def test_g02_import_from_a_read_only_folder_with_a_home_that_does_not_exist():
    code = """
import sys
def refuse(event, arguments):
    if event == "open" and set(str(arguments[1])) & set("wax+") and "msclr" in str(arguments[0]):
        raise PermissionError("read-only")
sys.addaudithook(refuse)

import msclr
[getattr(msclr, name) for name in msclr.__all__]
"""
    outcome = python("-c", code, HOME="/nonexistent", XDG_CACHE_HOME="/nonexistent")
    assert outcome.returncode == 0, outcome.stderr


def test_g02_import_twice_and_in_a_thread():
    code = """
import sys, threading
errors = []
def work():
    try:
        import msclr
        msclr.get_skeleton("coco_17"); msclr.MSCLRLoss; msclr.PoseSequence
    except BaseException as error:
        errors.append(error)
threads = [threading.Thread(target=work) for _ in range(8)]
[thread.start() for thread in threads]; [thread.join() for thread in threads]
assert not errors, errors
for name in [name for name in sys.modules if name.split(".")[0] == "msclr"]: del sys.modules[name]
work()
assert not errors, errors
"""
    outcome = python("-c", code)
    assert outcome.returncode == 0, outcome.stderr


def test_g02_import_in_a_sub_interpreter():
    code = """
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
number = interpreters.create()
failure = interpreters.run_string(number, "import msclr; assert msclr.__version__")
assert failure is None, failure
interpreters.destroy(number)
"""
    outcome = python("-W", "ignore", "-c", code)
    assert outcome.returncode == 0, outcome.stderr


MISSING = """
import torch
from msclr.errors import MissingExtraError
from msclr.evaluate.linear import linear_accuracy
points = torch.eye(4)
try:
    linear_accuracy(points, [0, 0, 1, 1], points, [0, 0, 1, 1])
except MissingExtraError as error:
    print(error)
"""


def test_g03_a_missing_optional_package_is_named_with_the_command():
    outcome = python("-c", BLOCK_EXTRAS + MISSING)
    assert outcome.returncode == 0, outcome.stderr
    assert "scikit-learn" in outcome.stdout
    assert 'pip install "msclr[evaluate]"' in outcome.stdout


def test_g03_every_extra_that_is_named_exists():
    with (ROOT / "pyproject.toml").open("rb") as file:
        extras = tomllib.load(file)["project"]["optional-dependencies"]
    named = {
        extra
        for path in (ROOT / "msclr").rglob("*.py")
        for extra in re.findall(r'"msclr\[(\w+)\]"', path.read_text("utf-8"))
    }
    assert named
    assert named <= set(extras)


@pytest.mark.parametrize("kind", ["spec", "sequence", "encoder", "error"])
def test_g05_pickle_and_deepcopy(kind):
    thing = {
        "spec": lambda: msclr.get_skeleton("kinect_v2_25"),
        "sequence": lambda: standing_person("coco_17", dims=2),
        "encoder": small_encoder,
        "error": lambda: msclr.MsclrError("17 joints", where="a.npz", expected="25", remedy="another file"),
    }[kind]()
    clip = standing_person("kinect_v2_25")
    for twin in (pickle.loads(pickle.dumps(thing)), copy.deepcopy(thing)):  # noqa: S301  # our own bytes
        assert type(twin) is type(thing)
        if kind == "spec":
            assert twin == thing
            assert hash(twin) == hash(thing)
        elif kind == "sequence":
            assert twin.skeleton == thing.skeleton
            assert (twin.positions == thing.positions).all()
            assert (twin.valid == thing.valid).all()
            assert (twin.fps, twin.unit, twin.up, twin.person_ids) == (
                thing.fps,
                thing.unit,
                thing.up,
                thing.person_ids,
            )
        elif kind == "encoder":
            assert torch.equal(twin.embed(clip), thing.embed(clip))
        else:
            assert str(twin) == str(thing)


SPAWN = """
import multiprocessing, sys
from pathlib import Path
import torch
from msclr import PoseSequence, get_skeleton
from msclr.models.config import EncoderConfig
from msclr.models.build import build_encoder

def work(parcel):
    torch.set_num_threads(1)
    encoder, clip = parcel
    return encoder.embed(clip).tolist()

if __name__ == "__main__":
    import numpy as np
    encoder = build_encoder(EncoderConfig(channels=(8,), strides=(1,), dim=8, frames=16)).eval()
    clip = PoseSequence.from_array(np.random.default_rng(0).normal(size=(20, 17, 2)), "coco_17", fps=20)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        there = pool.map(work, [(encoder, clip)])[0]
    assert np.allclose(there, work((encoder, clip)), atol=1e-6)
"""


def test_g05_encoder_and_clip_travel_to_a_spawned_process(tmp_path):
    (tmp_path / "spawn.py").write_text(SPAWN)
    outcome = python(str(tmp_path / "spawn.py"))
    assert outcome.returncode == 0, outcome.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.gpu
def test_g05_fork_after_cuda_is_a_clean_error():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    code = """
import os, sys, torch
from msclr.models.config import EncoderConfig
from msclr.models.build import build_encoder
encoder = build_encoder(EncoderConfig(channels=(8,), strides=(1,), dim=8)).cuda()
child = os.fork()
if child == 0:
    try: encoder.cpu()
    except RuntimeError as error: os._exit(0 if "CUDA" in str(error) else 2)
    os._exit(3)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert python("-c", code).returncode == 0


def test_g06_a_token_is_neither_shown_nor_saved(tmp_path, monkeypatch):
    from msclr.hub.save import save_pretrained

    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HUGGING_FACE_HUB_TOKEN", TOKEN)
    save_pretrained(small_encoder(), tmp_path / "model", name="small")
    for path in (tmp_path / "model").rglob("*"):
        if path.is_file():
            assert TOKEN.encode() not in path.read_bytes(), path
    for words in (["embed", "x", "-o", "y.npz", "--model", "no-such-model"], ["embed", "x", "-o", "y.npz", "--debug"]):
        outcome = python("-m", "msclr", *words, HF_TOKEN=TOKEN, HF_HUB_OFFLINE="1")
        assert outcome.returncode != 0
        assert TOKEN not in outcome.stdout + outcome.stderr
