"""The documentation as a site: no page is lost, its own blocks run, what it draws and lists is all there is."""

from __future__ import annotations

import importlib
import pkgutil
import re
import shutil
import sys
import tomllib
from html import unescape

import pytest
import torch
from child import ROOT, python
from parity.checkpoints import TOO_OLD, Maker, contrastive

import msclr
from msclr.hub.shipped import shipped_models
from msclr.samples import sample_paths

DOCS = ROOT / "docs"
WITH_A_FILE = ("conversion.md", "import.md", "limits.md")
RUN = ("index.md", "installation.md", "tour.md", "concepts.md", "skeletons.md", "models.md")
API = "\n".join(page.read_text("utf-8") for page in (DOCS / "api").glob("*.rst"))

RUNNER = """
import re, sys
from pathlib import Path
for page in map(Path, sys.argv[1:]):
    print("##", page.name)
    blocks = re.findall(r"```python\\n(.*?)```", page.read_text("utf-8"), flags=re.DOTALL)
    exec(compile("\\n".join(blocks), page.name, "exec"), {})  # nothing of the page before
"""


def blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (DOCS / page).read_text("utf-8"), flags=re.DOTALL)


@pytest.fixture(scope="module")
def site():
    """The modules of docs/_site; those with directives need Sphinx."""
    pytest.importorskip("sphinx", reason='needs pip install ".[docs]"')
    sys.path.insert(0, str(DOCS))
    try:
        yield importlib.import_module
    finally:
        sys.path.remove(str(DOCS))


def test_python_blocks_of_each_page_run():
    for page in RUN:
        assert blocks(page)
    outcome = python("-W", "error", "-c", RUNNER, *(str(DOCS / page) for page in RUN), HF_HUB_OFFLINE="1")
    assert outcome.returncode == 0, outcome.stderr
    printed = dict(part.split("\n", 1) for part in outcome.stdout.split("## ")[1:])
    said = re.findall(r"```text\n(.*?)```", (DOCS / "tour.md").read_text("utf-8"), flags=re.DOTALL)
    assert printed["tour.md"] == "".join(said)


@pytest.mark.parametrize("page", WITH_A_FILE)
def test_python_blocks_that_name_a_file_run_beside_one(page, tmp_path, monkeypatch):
    if page == "import.md" and TOO_OLD:
        pytest.skip(TOO_OLD)
    walk = shutil.copy(sample_paths()["cmu_walk_bvh"], tmp_path / "walk.bvh")
    msclr.write(msclr.read(walk), tmp_path / "long.npz")
    make = Maker(0)
    torch.save(contrastive(make.encoder(4, 8) | make.projection(8)), tmp_path / "epoch300_model.pt")
    monkeypatch.chdir(tmp_path)
    code = blocks(page)
    assert code
    exec("\n".join(code), {})  # noqa: S102  # our own pages


def test_every_page_with_code_is_named_by_a_test():
    tests = "".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    missing = [page.name for page in DOCS.glob("*.md") if blocks(page.name) and f'"{page.name}"' not in tests]
    assert not missing, "run by no test"


def test_every_page_has_a_place_in_the_landing_page():
    trees = re.findall(r"```\{toctree\}\n(.*?)```", (DOCS / "index.md").read_text("utf-8"), flags=re.DOTALL)
    listed = [line for tree in trees for line in tree.splitlines() if line and not line.startswith(":")]
    pages = [page.stem for page in DOCS.glob("*.md") if page.stem != "index"]
    notebooks = [f"notebooks/{path.stem}" for path in (ROOT / "examples" / "notebooks").glob("*.ipynb")]
    assert sorted(listed) == sorted([*pages, *notebooks, "api/index"])


def test_every_extra_is_explained_under_installation():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    named = re.findall(r"^\| `(\w+)` \|", (DOCS / "installation.md").read_text("utf-8"), flags=re.MULTILINE)
    assert sorted(named) == sorted(extras.keys() - {"test", "dev"})


def test_every_package_that_lists_its_names_is_in_the_api_reference():
    packages = [name for _, name, is_package in pkgutil.walk_packages(msclr.__path__, "msclr.") if is_package]
    listing = [name for name in ["msclr", *packages] if getattr(importlib.import_module(name), "__all__", None)]
    assert len(listing) > 10
    missing = [name for name in listing if not re.search(rf"automodule:: {re.escape(name)}\n", API)]
    assert not missing, "without a page under docs/api"


def test_modules_of_the_api_reference_exist():
    for name in re.findall(r"automodule:: (\S+)", API):
        importlib.import_module(name)


def test_names_left_out_of_a_modules_page_are_on_another():
    entries = re.findall(r"automodule:: (\S+)\n   :members:\n(?:   :exclude-members: (.*)\n)?", API)
    left_out = {module: names.split(", ") if names else [] for module, names in entries}
    assert sum(map(len, left_out.values())) > 10
    for module, name in ((module, name) for module, names in left_out.items() for name in names):
        thing = getattr(importlib.import_module(module), name)
        pages = [other for other, names in left_out.items() if name not in names]
        assert any(getattr(importlib.import_module(other), name, None) is thing for other in pages), (module, name)


@pytest.mark.parametrize("name", msclr.list_skeletons())
def test_a_picture_has_every_joint_and_bone(site, name):
    spec = msclr.get_skeleton(name)
    drawn = site("_site.picture").draw(spec)
    titles = [unescape(title) for title in re.findall(r"<title>(.*?)</title>", drawn)]
    assert titles == [f"{index} {joint}" for index, joint in enumerate(spec.joints)]
    assert drawn.count("<line") == len(spec.edges) + len(spec.extra_edges)
    numbers = [float(number) for number in re.findall(r' [cxy12]+="([\d.-]+)"', drawn)]
    assert all(0 <= number <= 190 for number in numbers)


def test_a_picture_has_the_persons_left_on_the_viewers_right_and_the_head_on_top(site):
    spec = msclr.get_skeleton("coco_17")
    drawn = site("_site.picture").draw(spec)
    place = {
        name: (float(x), float(y))
        for x, y, name in re.findall(r'cx="([\d.]+)" cy="([\d.]+)" r="[\d.]+"><title>\d+ (\w+)<', drawn)
    }
    assert place["left_wrist"][0] > place["nose"][0] > place["right_wrist"][0]
    assert place["nose"][1] < place["left_hip"][1] < place["left_ankle"][1]


def test_the_tree_names_each_joint_once_below_its_parent(site):
    spec = msclr.get_skeleton("kinect_v2_25")
    tree = site("_site.gallery").tree(spec)
    assert sorted(map(int, re.findall(r"<i>(\d+)</i>", tree))) == list(range(spec.num_joints))
    for child, parent in spec.edges:
        assert tree.index(f"<i>{parent}</i>") < tree.index(f"<i>{child}</i>")


def test_each_convention_stands_under_one_heading(site):
    gallery = site("_site.gallery")
    groups = {name: gallery.group_of(msclr.get_skeleton(name)) for name in msclr.list_skeletons()}
    assert set(groups.values()) == set(gallery.GROUPS)
    assert sorted(name for name, group in groups.items() if group == "Hands") == [
        "mediapipe_hand_21",
        "shrec17_hand_22",
    ]


def test_every_example_has_a_title_of_its_own(site):
    examples = site("_site.examples")
    titles = [examples.title_and_rest(path)[0] for path in examples.example_files()]
    assert len(titles) == len(list((ROOT / "examples").glob("*.py")))
    assert len(set(titles)) == len(titles)
    assert not [title for title in titles if title.endswith(".py") or len(title) > 120]


def test_the_zoo_says_how_to_load_a_model_and_its_sha256(site):
    for model in shipped_models().values():
        text = "\n".join(site("_site.zoo").describe(model))
        assert f'load_pretrained("{model.name}")' in text
        assert model.sha256 in text
        assert "Limits" in text
        assert not re.search(r"^# ", text, flags=re.MULTILINE)
