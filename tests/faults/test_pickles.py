"""Fault C14 and promise 1: no code from data."""

from __future__ import annotations

import builtins
import importlib.abc
import os
import pickle
import struct
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msclr.errors import FileFormatError, FileLimitError, MsclrError
from msclr.io.pyskl import read_pyskl
from msclr.io.registry import read
from msclr.io.restricted_pickle import load_plain

ARRAY = np.arange(34, dtype=np.float32).reshape(1, 1, 17, 2)
GOOD = {"annotations": [{"frame_dir": "a", "label": 1, "keypoint": ARRAY}], "split": {"train": ["a"]}}


class Payload:
    """Calls `function(*arguments)` in whoever unpickles it."""

    def __init__(self, function: object, *arguments: object, state: object = None) -> None:
        self.parts = (function, arguments) if state is None else (function, arguments, state)

    def __reduce__(self) -> tuple[object, ...]:
        return self.parts


def payloads(folder: str) -> list[object]:
    return [
        Payload(os.mkdir, folder + "/executed"),
        Payload(os.system, f"touch {folder}/executed"),
        Payload(eval, "1 + 1"),
        Payload(builtins.exec, "import this"),
        Payload(__import__, "this"),
        Payload(getattr, int, "from_bytes"),
        Payload(np.load, folder),
        Payload(np.fromfile, folder),
        Payload(print, "x", state={"a": 1}),
        np.array([Payload(os.mkdir, folder + "/executed")], dtype=object),
        np.ones(2, dtype=[("a", "f4")]),
        np.array(["text"]),
        {1, 2},
        complex(1, 2),
        Payload(struct.Struct, "i"),
    ]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_c14_malicious_reduce_is_refused_and_nothing_runs(tmp_path, protocol):
    path = tmp_path / "a.pkl"
    for payload in payloads(str(tmp_path)):
        for content in (payload, GOOD | {"extra": payload}):
            path.write_bytes(pickle.dumps(content, protocol))
            with pytest.raises(FileFormatError, match="expected"):
                read(path, format="pyskl")
    assert [item.name for item in tmp_path.iterdir()] == ["a.pkl"]


CHILD = """
import sys
from msclr.errors import FileFormatError
from msclr.io.registry import read

good, *bad = sys.argv[1:]
assert read(good, format="pyskl").num_frames == 1
armed = True

def watch(event, arguments):
    if armed and event.split(".")[0] in ("import", "exec", "compile", "pickle", "os", "subprocess", "ctypes"):
        print("EVENT", event, arguments[:1], flush=True)

sys.addaudithook(watch)
outcomes = []
for path in [good, *bad]:
    try:
        read(path, format="pyskl")
        outcomes.append("ok")
    except FileFormatError:
        outcomes.append("refused")
armed = False
print(outcomes)
"""


def test_c14_no_import_and_no_call_happens(tmp_path):
    paths = [tmp_path / "good.pkl"]
    paths[0].write_bytes(pickle.dumps(GOOD, 5))
    for index, payload in enumerate(payloads(str(tmp_path))):
        paths.append(tmp_path / f"{index}.pkl")
        paths[-1].write_bytes(pickle.dumps(payload, 2 + index % 4))
    found = subprocess.run(
        [sys.executable, "-c", CHILD, *map(str, paths)], capture_output=True, text=True, timeout=120, check=True
    )
    assert found.stdout.strip() == str(["ok"] + ["refused"] * (len(paths) - 1))


def test_c14_reading_neither_imports_a_module_nor_uses_the_general_reader(tmp_path, monkeypatch):
    path = tmp_path / "a.pkl"
    path.write_bytes(b"\x80\x02cunheard_of_module\nfunction\n)R.")
    asked: list[str] = []

    class Finder(importlib.abc.MetaPathFinder):
        def find_spec(self, name: str, path: object, target: object = None) -> None:
            asked.append(name)

    def fail(*arguments: object, **options: object) -> None:
        pytest.fail("the general reader was used")

    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, fail)
    with pytest.raises(FileFormatError, match=r"byte 2: the name 'unheard_of_module\.function'"):
        read(path, format="pyskl")
    assert "unheard_of_module" not in asked


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_c14_normal_files_of_every_protocol(tmp_path, protocol):
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(GOOD, protocol))
    np.testing.assert_array_equal(read(path, format="pyskl").positions, np.where(ARRAY.any(-1)[..., None], ARRAY, 0))


def short(value: str) -> bytes:
    return b"\x8c" + bytes([len(value)]) + value.encode()


def test_c14_huge_claims_are_refused_before_allocation():
    good = pickle.dumps(np.arange(3, dtype=np.float64), 3)
    claims = [
        b"\x80\x04\x95" + struct.pack("<Q", 2**62) + b"N.",
        b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"x.",
        b"\x80\x05\x96" + struct.pack("<Q", 2**62) + b"x.",
        b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b"x.",
        b"\x80\x02X\xff\xff\xff\xffabc.",
        b"\x80\x02\x8b\xff\xff\xff\x7f1.",
        b"\x80\x02\x8a\xff" + b"1" * 255 + b".",
        good.replace(b"K\x03\x85", b"J\x00\x00\x00\x7f\x85"),
        good.replace(b"K\x03\x85", b"J\xff\xff\xff\xff\x85"),
    ]
    start = time.process_time()
    for claim in claims:
        with pytest.raises(FileFormatError):
            load_plain(claim, "claim.pkl")
    assert load_plain(b"\x80\x02Nr\xff\xff\xff\xff.", "far.pkl") is None
    assert time.process_time() - start < 1.0


@pytest.mark.parametrize("part", [b"]", b"}", b"]\x94", b"h\x00)\x86", b")\x85", b"(", b"K\x01\x85", b"\x8c\x01a\x94"])
def test_c14_floods_of_small_objects(part):
    data = b"\x80\x04]\x94(" + part * 500_000 + b"e."
    with pytest.raises((FileFormatError, FileLimitError)):
        load_plain(data, "flood.pkl")
    grouped = b"\x80\x04]\x94" + (b"(" + part * 1000 + b"e") * 1500 + b"."
    with pytest.raises((FileFormatError, FileLimitError)):
        load_plain(grouped, "flood.pkl")


def test_c14_recursive_objects_are_refused():
    loop: list[object] = []
    loop.append(loop)
    table: dict[str, object] = {"annotations": []}
    table["annotations"].append(table)
    pair: tuple[list[object]] = ([],)
    pair[0].append({"back": pair[0]})
    for value in (loop, table, pair, GOOD | {"loop": loop}):
        for protocol in (2, 4, 5):
            with pytest.raises(FileFormatError, match="contains itself"):
                load_plain(pickle.dumps(value, protocol), "loop.pkl")
    deep = b"\x80\x04" + b")" + b"\x85" * 100_000 + b"."
    assert isinstance(load_plain(deep, "deep.pkl"), tuple)


def test_c14_shared_values_cost_no_exponential_time():
    value: list[object] = [ARRAY]
    for _ in range(200):
        value = [value, value]
    assert isinstance(load_plain(pickle.dumps(value), "laughs.pkl"), list)


@pytest.mark.parametrize("content", [[], [GOOD], "text", 3, None, ARRAY, {}, {"annotations": {}}])
def test_c14_other_things_than_a_dictionary_of_annotations(tmp_path, content):
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(FileFormatError, match="without a list 'annotations'"):
        read_pyskl(path)


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02.",
        b"\x80\x02NN.",
        b"\x80\x02(N.",
        b"\x80\x02e.",
        b"\x80\x02Na.",
        b"\x80\x02}Ns.",
        b"\x80\x02}](Nu.",
        b"\x80\x02}](NNu.",
        b"\x80\x02h\x05.",
        b"\x80\x02Nb.",
        b"\x80\x02NNR.",
        b"\x80\x02cnumpy\nndarray\n.",
        b"\x80\x02cnumpy\nndarray\n)R.",
        b"\x80\x02cnumpy\ndtype\n)R.",
        b"\x80\x02cnumpy\ndtype\nX\x02\x00\x00\x00f4\x85R.",
        b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00bX\x05\x00\x00\x00utf-7\x86R.",
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n.",
        b"\x80\x02cnumpy",
        b"\x80\x02N.trailing",
        b"\x80\x06N.",
        b"cos\nsystem\n(S'true'\ntR.",
        b"\x80\x02X\x01\x00\x00\x00\xff.",
        b"\x80\x04" + short("os") + short("system") + b"\x93.",
        b"\x80\x04" + short("numpy") + short("core.multiarray.os") + b"\x93.",
        b"\x80\x05\x97.",
        b"\x80\x02P0\n.",
        b"\x80\x02\x82\x01.",
        b"\x80\x02Q.",
    ],
)
def test_c14_damaged_or_foreign_pickles(data):
    with pytest.raises(FileFormatError):
        load_plain(data, "odd.pkl")


def test_c14_truncated_at_every_byte():
    data = pickle.dumps(GOOD, 4)
    for length in range(len(data)):
        with pytest.raises(FileFormatError):
            load_plain(data[:length], "cut.pkl")


@settings(max_examples=150)
@given(st.sampled_from([2, 3, 4, 5]), st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=6))
def test_c14_random_damage_ends_in_a_correct_read_or_an_error(tmp_path_factory, protocol, changes):
    data = bytearray(pickle.dumps(GOOD | {"scalar": np.float32(1)}, protocol))
    for position, value in changes:
        data[position % len(data)] = value
    path = tmp_path_factory.getbasetemp() / "mutated.pkl"
    path.write_bytes(data)
    try:
        clip = read(path, format="pyskl")
    except MsclrError:
        return
    assert np.isfinite(clip.positions).all()
