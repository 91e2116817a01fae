"""The page: tables between two marks of docs/weights.md, two pictures, and the numbers behind them."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill

from pages import begin, write_between

from msclr.evaluate.crossing import HELD_OUT
from weights import pictures, tables
from weights.matrix import IMAGE, SPACE
from weights.probes import METRICS
from weights.results import Results

BEGIN = begin("weights")
LARGEST = 1_500_000
KEPT_FILE = Path("runs", "weights.json")
PICTURES = {"matrix": ("matrix", pictures.matrix), "curves": ("robustness", pictures.curves)}

TITLE = """# What the weights are worth

Five questions to the frozen vectors of a model: does a clip find itself in another joint convention, do real
recordings of one motion by two sensors find each other, does a classifier of one convention work in another, what do
damaged recordings cost, and are exercises of people never seen told apart? Each figure stands beside the same network
with random weights and the poses themselves. [evaluation.md](evaluation.md) has the protocols, [the model
zoo](models.md) the models.

"""
SUBJECTS = " and ".join(each.removeprefix("uiprmd_") for each in HELD_OUT)
HOW_TO_READ = """All figures are per cent. "random init" is the same network with random weights, mean ± deviation
over its seeds; "raw poses" the coordinates themselves in common coordinates, by the joints and dimensions that both
sides have. `linear` is logistic regression to the optimum on frozen vectors, `1-NN` the nearest training clip by
cosine."""
COMMANDS = """```bash
export MSCLR_DATA=DATA OMP_NUM_THREADS=1 PYTHONPATH=tests/benchmarks
{command}    # killed and started again, it goes on
python -m weights page -o weights
```

Any other model can be put beside: `python -m weights run MODEL MODEL -o weights` takes names and folders, and
measures what is not there yet."""
MATRIX = """Each of {clips:,} clips ({sources}; at most 100 frames, 4 to 5 s) is looked for among all of them in
another convention, for all ordered pairs of {space} conventions in 3D and {image} in 2D; a random order would find
{chance:.2f} % of them. Nothing may be trained on these clips. Clips are converted by `msclr.convert`, so that
what differs is which joints there are, where they sit, what is missing, and the camera: in 2D each clip is seen by a
random camera of its own, up to 60° to the side and 15° up or down, and "two cameras" are two such. "Upper body":
knees and everything below them are missing. Raw poses have a figure where all pairs have a joint in common; markers
have none in common with joint centres. In 3D, and before one camera, these joints are copies of the same numbers,
so that their 100 % is no feat: with real sensors, below, it is gone."""
PAIRS = """No conversion: UI-PRMD, subjects {subjects}, who are in no training, by both sensors at once (the same
repetition, and the same exercise, among all repetitions of these subjects by the other sensor; clips are cut
separately), and the recordings of `pairs.json`, of which CMU has two solutions on different skeletons: query is one
side, gallery all others'."""
PROBES = """UI-PRMD, trained on subjects s01 to s08, tested on {subjects}: which of the ten exercises, and whether it
is done correctly or deliberately not. "A probe for each exercise" trains and tests within each exercise, and counts
each alike. "Most frequent" is what the most frequent class of the test clips would score."""
TRANSFER = """Trained on the training clips in one convention, tested on the test clips in another ({sizes}). Copies
of training clips are left out of NW-UCLA."""
ROBUST = """Trained on clean training clips, tested on damaged test clips ({sizes}). Larger doses damage what smaller
ones do, and more. Raw poses have 0 where a joint is missing."""
UNITS = """Coordinates in one unit, declared to be in another. "Refused": `embed` raises an error, as the person would
be taller than 20 m or smaller than 0.2 m. "Named": `msclr doctor` reports the unit. What is neither refused nor named
is absorbed: common coordinates have the torso as their unit, so a factor changes nothing; the "least cosine" between
the vector and that of the clip in its right unit, of all models and clips that are not refused, says how little.
Accuracies (linear) are those of the clips that are not refused."""


def write_page(results: Results, docs: Path) -> None:
    """Write the numbers, the pictures and the tables.

    Args:
        results: What came out.
        docs: The folder of the pages. Text of weights.md around the marks stays.

    Raises:
        ValueError: If the numbers are too many to keep.
    """
    kept = results.to_json()
    if len(kept) > LARGEST:
        raise ValueError(f"{len(kept):,} bytes of numbers, expected at most {LARGEST:,}: fewer models")
    for name in ("runs", "images"):
        (docs / name).mkdir(parents=True, exist_ok=True)
    (docs / KEPT_FILE).write_text(kept, "utf-8")
    for name, (part, draw) in PICTURES.items():
        if results.pieces(part):
            draw(results).savefig(docs / "images" / f"weights-{name}.png", dpi=90)
    write_between(docs / "weights.md", "weights", TITLE, body(results))


def body(results: Results) -> str:
    """Return what is written between the marks: a section for each part of which there is anything."""
    parts = [_told(HOW_TO_READ), tables.of_models(results), COMMANDS.format(command=results.command)]
    sections = (
        ("matrix", "Any convention to any other", _matrix),
        ("pairs", "Real pairs", _pairs),
        ("subjects", "Exercises of people never seen", _subjects),
        ("transfer", "A probe of one convention, in another", _transfer),
        ("robustness", "What breaks it", _robustness),
    )
    for part, title, write in sections:
        if results.pieces(part):
            parts += [f"## {title}", *write(results)]
    if results.failures:
        parts += ["## Not measured", "\n".join(f"- {piece}: {why}" for piece, why in results.failures.items())]
    versions = ", ".join(f"{name} {version}" for name, version in results.versions.items())
    parts.append(f"Computed with {versions}.")
    return "\n\n".join(parts)


def _matrix(results: Results) -> list[str]:
    facts = dict(results.facts(results.pieces("matrix")[0]))
    clips, chance = facts.pop("clips"), facts.pop("chance")
    sources = ", ".join(f"{count} of `{name}`" for name, count in facts.items())
    return [
        _told(MATRIX, clips=clips, sources=sources, space=len(SPACE), image=len(IMAGE), chance=chance),
        tables.of_matrix(results),
        "![R@1 of every ordered pair of conventions](images/weights-matrix.png)",
        "The pairs that are found least often, full bodies:",
        tables.worst_pairs(results),
    ]


def _pairs(results: Results) -> list[str]:
    return [_told(PAIRS, subjects=SUBJECTS), tables.of_pairs(results)]


def _subjects(results: Results) -> list[str]:
    return [_told(PROBES, subjects=SUBJECTS), tables.of_subjects(results)]


def _transfer(results: Results) -> list[str]:
    return [_told(TRANSFER, sizes=tables.of_sizes(results, "transfer")), tables.of_transfer(results)]


def _robustness(results: Results) -> list[str]:
    parts = [
        _told(ROBUST, sizes=tables.of_sizes(results, "robustness")),
        "![Accuracy against damage](images/weights-curves.png)",
    ]
    for metric in reversed(METRICS):
        parts += [f"`{metric}`:", tables.of_robustness(results, metric)]
    if any(piece.endswith("-unit") for piece in results.pieces("robustness")):
        parts += ["### A wrong unit", _told(UNITS), tables.of_units(results)]
    return parts


def _told(text: str, **values: object) -> str:
    """Fill values in, and break the lines again."""
    return fill(" ".join(text.format(**values).split()), 120, break_on_hyphens=False, break_long_words=False)
