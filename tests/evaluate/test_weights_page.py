from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from child import ROOT
from click.testing import CliRunner
from matplotlib.figure import Figure
from pages import END
from small_encoder import small_encoder
from weights import matrix, page, pictures, robustness, subjects, tables, transfer, units
from weights.__main__ import main
from weights.cells import Found, cell_path, store
from weights.damage import DAMAGES
from weights.matrix import IMAGE, ONE_CAMERA, SPACE, kind_of
from weights.probes import METRICS
from weights.results import Results, describe
from weights_folder import networks, write_folder

from msclr.hub.save import save_pretrained

SIZES = {"train": 3, "test": 2, "classes": 2, "most frequent": 50.0}


def made_up(folder, *entrants) -> Results:
    """Write cells drawn at random for two models of one network, and raw poses; collect them."""
    rng = np.random.default_rng(0)
    describe(folder, entrants, {"msclr": "1"}, "python -m weights run a b -o weights")
    names = [*(each.name for each in entrants), "raw"]

    def put(piece: str, tasks, metrics, facts, *, beside: bool = True) -> None:
        for name in names if beside else names[:-1]:
            methods = {"raw poses": 1} if name == "raw" else {"model": 1, "random init": 2}
            methods |= {} if beside else {"raw poses": 1}
            found = {
                task: {metric: {m: rng.uniform(0, 100, count).round(2).tolist() for m, count in methods.items()}}
                for task in tasks
                for metric in metrics
            }
            if len(metrics) > 1:
                found = {
                    task: {
                        m: {k: rng.uniform(0, 100, n).round(2).tolist() for k, n in methods.items()} for m in metrics
                    }
                    for task in tasks
                }
            if piece.endswith("-unit"):
                for fates in found.values():
                    fates["caught"] = {"refused": [25.0], "named by the doctor": [75.0], "neither": [0.0]}
            store(cell_path(folder, name, piece), "x", Found(found, facts))

    pairs = [f"{a} > {b}" for a, b in itertools.permutations((*SPACE, *IMAGE), 2)]
    pairs += [f"{ONE_CAMERA}{a} > {b}" for a, b in itertools.permutations(IMAGE, 2)]
    for body in matrix.BODIES:
        put(f"matrix/{body}", pairs, ("R@1",), {"clips": 1000, "chance": 0.1, "h36m": 600, "bandai": 400})
    facts = {"first to second: pairs": 58}
    put("pairs/pairs", ["first to second", "second to first"], ("R@1", "R@10"), facts, beside=False)
    for sensor in subjects.SENSORS:
        put(
            f"subjects/{sensor}",
            ["exercise", "correct or not"],
            METRICS,
            {"most frequent, exercise": 10.0},
            beside=False,
        )
    for name in transfer.SETS:
        put(f"transfer/{name}", ["as recorded > COCO, 2D"], METRICS, SIZES)
    for name, kind in itertools.product(robustness.SETS, DAMAGES):
        put(f"robustness/{name}-{kind}", [f"{level:g}" for level in DAMAGES[kind].levels], METRICS, SIZES)
        put(f"robustness/{name}-unit", ["mm as m"], (*METRICS, units.COSINE), {"clips": 3})
    return Results.collect(folder)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return made_up(tmp_path_factory.mktemp("run"), networks(name="a"), networks(name="b", seed=3))


def test_models_of_one_network_share_their_random_twins(results, tmp_path):
    assert [column.title for column in results.columns] == ["a", "b", "random init", "raw poses"]
    other = networks(name="c")
    other.contest = type(other.contest)(small_encoder(0, dim=8), other.contest.randoms)
    describe(tmp_path, [networks(name="a"), other], {}, "")
    store(cell_path(tmp_path, "a", "pairs/pairs"), "x", Found())
    titles = [column.title for column in Results.collect(tmp_path).columns]
    assert titles == ["a", "random init like a", "c", "random init like c", "raw poses"]
    with pytest.raises(ValueError, match="no models"):
        Results.collect(tmp_path, ["d"])


def test_means_are_those_of_the_pairs_of_a_kind(results):
    text = tables.of_matrix(results)
    for kind in tables.KINDS:
        row = next(line.split(" | ") for line in text.splitlines() if line.startswith(f"| upper body | {kind} |"))
        tasks = [task for task in results.tasks("matrix/upper") if kind_of(task)[0] == kind]
        assert int(row[2]) == len(tasks)
        for place, (model, method) in enumerate((("a", "model"), ("b", "model"), ("b", "random init"))):
            found = [results.tasks("matrix/upper", model)[task]["R@1"][method] for task in tasks]
            means = np.mean(found, axis=0)
            told = f"{means.mean():.1f}" + (f" ± {means.std(ddof=1):.1f}" if len(means) > 1 else "")
            assert row[3 + place].strip() == told
    spaces = len(SPACE)
    assert f"| full body | 3D-3D | {spaces * (spaces - 1)} |" in text
    assert f"| full body | 3D-3D, no markers | {(spaces - 2) * (spaces - 3)} |" in text


def test_raw_poses_without_a_figure_for_a_pair_have_no_mean(results, tmp_path):
    cells = json.loads(results.to_json())["cells"]
    del cells["matrix/full"]["raw"]["tasks"]["plug_in_gait_39 > smpl_24"]
    kept = {piece: {name: Found(**found) for name, found in each.items()} for piece, each in cells.items()}
    rows = tables.of_matrix(Results(results.models, kept, {}, "")).splitlines()
    assert next(row for row in rows if row.startswith("| full body | 3D-3D |")).endswith("| - |")
    assert not next(row for row in rows if row.startswith("| full body | 3D-3D, no markers |")).endswith("| - |")


def test_the_pairs_named_as_worst_are_the_worst(results):
    row = next(line for line in tables.worst_pairs(results).splitlines() if line.startswith("| `b` | 3D-2D"))
    found = {
        task: metrics["R@1"]["model"][0]
        for task, metrics in results.tasks("matrix/full", "b").items()
        if kind_of(task)[0] == "3D-2D"
    }
    worst = min(found, key=found.get)
    assert row.startswith(f"| `b` | 3D-2D | {worst} {found[worst]:.1f}, ")


def test_pictures_show_every_pair_and_every_curve(results):
    shares = pictures.shares(results, "matrix/full", results.columns[0])
    assert np.isnan(np.diag(shares)).all()
    assert np.isfinite(shares).sum() == len(shares) * (len(shares) - 1)
    value = results.tasks("matrix/full", "a")[f"{SPACE[0]} > {IMAGE[-1]}"]["R@1"]["model"][0]
    assert shares[0, -1] == value
    axes = pictures.curves(results).axes
    assert len(axes) == len(robustness.SETS) * len(DAMAGES)
    assert {len(each.lines) for each in axes} == {4 * len(METRICS)}
    line = next(each for each in axes[0].lines if each.get_label() == "b, linear")
    cells = results.tasks("robustness/nwucla-missing-joints", "b")
    assert line.get_ydata().tolist() == [metrics["linear"]["model"][0] for metrics in cells.values()]


def test_the_page_keeps_what_a_person_wrote_around_its_tables(results, tmp_path, monkeypatch):
    small = {name: (part, lambda results: Figure(figsize=(1, 1))) for name, (part, _) in page.PICTURES.items()}
    monkeypatch.setattr(page, "PICTURES", small)  # the pictures take seconds, and are looked at above
    (tmp_path / "weights.md").write_text(f"before\n{page.BEGIN} old {END}\nbehind\n")
    page.write_page(results, tmp_path)
    text = (tmp_path / "weights.md").read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nbehind\n")
    assert " old " not in text
    for words in ("## Any convention to any other", "## Real pairs", "58 pairs", "### A wrong unit", "1,000 clips"):
        assert words in text
    assert Results.kept(tmp_path / page.KEPT_FILE) == results
    for name in page.PICTURES:
        assert (tmp_path / "images" / f"weights-{name}.png").stat().st_size > 100
        assert f"](images/weights-{name}.png)" in text
    widths = {line.count("|") for line in text.splitlines() if line.startswith("| nwucla | mm as m |")}
    assert widths == {1 + 2 + 4 + 4}


def test_the_page_in_the_documentation_says_what_its_numbers_do():
    assert page.body(Results.kept(ROOT / "docs" / page.KEPT_FILE)) in (ROOT / "docs" / "weights.md").read_text("utf-8")


def test_the_commands_measure_a_model_folder_and_write_its_page(tmp_path, monkeypatch):
    monkeypatch.setattr(matrix, "SPACE", SPACE[:2])
    monkeypatch.setattr(matrix, "IMAGE", IMAGE[:1])
    monkeypatch.setattr(page, "PICTURES", {})  # drawn above
    monkeypatch.setenv("MSCLR_DATA", str(write_folder(tmp_path / "data")))
    save_pretrained(small_encoder(), tmp_path / "mine", name="mine")
    asked = ["run", str(tmp_path / "mine"), "-o", str(tmp_path / "run"), "--seeds", "1", "--clips", "6"]
    asked += ["--only", "pairs,matrix/full,robustness/nwucla-speed"]
    first = CliRunner().invoke(main, asked, catch_exceptions=False)
    assert first.output.splitlines() == [
        "pairs/sensors: mine",
        "pairs/pairs: mine",
        "matrix/full: raw",
        "matrix/full: mine",
        "robustness/nwucla-speed: raw",
        "robustness/nwucla-speed: mine",
    ]
    assert CliRunner().invoke(main, asked, catch_exceptions=False).output == ""
    done = CliRunner().invoke(
        main, ["page", "-o", str(tmp_path / "run"), "--docs", str(tmp_path)], catch_exceptions=False
    )
    assert done.exit_code == 0
    text = (tmp_path / "weights.md").read_text()
    assert "`mine`" in text
    assert f"python -m weights run {tmp_path / 'mine'} -o weights --seeds 1 --clips 6" in text
    assert CliRunner().invoke(main, [*asked, str(tmp_path / "other" / "mine")]).exit_code == 1
