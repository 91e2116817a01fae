from __future__ import annotations

import ast
from pathlib import Path

import pytest
from child import python

import msclr

HEAVY = ("huggingface_hub", "scipy", "sklearn", "matplotlib", "tqdm", "click", "safetensors")

NO_SIDE_EFFECTS = """
import sys

tried = []

def watch(event, arguments):
    writes = event == "open" and isinstance(arguments[1], str) and any(sign in arguments[1] for sign in "wax+")
    if writes or event.startswith(("socket.", "subprocess.", "os.mkdir", "os.remove", "os.rename")):
        tried.append((event, arguments))

import encodings.idna, numpy, torch  # what they do on import is theirs
sys.dont_write_bytecode = True
sys.addaudithook(watch)
import msclr
for name in msclr.__all__:
    getattr(msclr, name)
assert not tried, tried
"""


def test_public_names_are_few_sorted_and_there():
    assert len(msclr.__all__) <= 25
    assert len(set(msclr.__all__)) == len(msclr.__all__)
    for name in msclr.__all__:
        assert getattr(msclr, name) is not None
        assert name in dir(msclr)


def test_the_table_of_homes_agrees_with_the_names_and_the_type_checker():
    tree = ast.parse(Path(msclr.__file__).read_text("utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    typed = {name.name: entry.module for entry in block.body for name in entry.names}
    assert typed == msclr._HOMES
    assert {*typed, "__version__"} == set(msclr.__all__)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'encode'"):
        _ = msclr.encode


def test_star_import():
    names: dict[str, object] = {}
    exec("from msclr import *", names)  # noqa: S102  # star imports exist at module level only
    assert set(msclr.__all__) <= set(names)


def test_import_alone_brings_no_heavy_module():
    outcome = python("-c", f"import sys, msclr; print([name for name in {(*HEAVY, 'torch')!r} if name in sys.modules])")
    assert (outcome.returncode, outcome.stdout.strip()) == (0, "[]")


def test_readers_skeletons_and_encoder_bring_no_optional_module():
    from_hub = {name for name, home in msclr._HOMES.items() if home.startswith("msclr.hub.")}
    names = sorted({*msclr.__all__} - from_hub)
    code = f"""
import sys, torch
before = set(sys.modules)
import msclr
for name in {names!r}: getattr(msclr, name)
print([name for name in {HEAVY!r} if name in set(sys.modules) - before])
"""
    outcome = python("-c", code)
    assert (outcome.returncode, outcome.stdout.strip()) == (0, "[]"), outcome.stderr


def test_every_public_name_comes_without_the_optional_modules():
    code = f"""
import sys
for name in {("scipy", "sklearn", "matplotlib")!r}: sys.modules[name] = None
import msclr
for name in msclr.__all__: getattr(msclr, name)
"""
    outcome = python("-c", code)
    assert outcome.returncode == 0, outcome.stderr


def test_import_opens_no_socket_and_writes_no_file():
    outcome = python("-c", NO_SIDE_EFFECTS)
    assert outcome.returncode == 0, outcome.stderr
