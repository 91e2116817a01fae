"""One call from a model and labelled data to a report that can be trusted."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

from msclr.errors import ConfigError, MissingExtraError
from msclr.evaluate.contest import Contest
from msclr.evaluate.data.labelled import LabelledClips
from msclr.evaluate.lineup import FeatureOptions, Lineup, Scale, line_up, line_up_between
from msclr.evaluate.reports.plane import LARGEST_TSNE, Projection, to_plane
from msclr.evaluate.reports.report import ModelFacts, Report, versions
from msclr.evaluate.reports.writing import Map
from msclr.evaluate.trials import Trial, find_trial, judge
from msclr.models.base import PoseEncoder
from msclr.models.fingerprint import fingerprint

SEEDS = 3
DEFAULT_PROTOCOLS = ("knn-1", "knn-20", "linear", "retrieval")


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A report, and the features behind it.

    Args:
        report: The results.
        lineup: The features of the model and its baselines.
    """

    report: Report
    lineup: Lineup


def evaluate(
    encoder: PoseEncoder,
    data: LabelledClips,
    protocols: Sequence[str | Trial] = DEFAULT_PROTOCOLS,
    *,
    test_data: LabelledClips | None = None,
    split: str | None = None,
    seeds: int = SEEDS,
    scale: Scale | None = None,
    name: str = "model",
    command: str = "",
    options: FeatureOptions | None = None,
) -> Evaluation:
    """Judge a model on labelled clips by protocols of the field, with its baselines beside it.

    Args:
        encoder: The model.
        data: The clips.
        protocols: Names of `msclr.evaluate.trials.TRIALS`, or protocols.
        test_data: Other clips to test on: transfer between data sets, or joint conventions, on the classes of both.
        split: Which clips are for training and testing, see `LabelledClips.sides`; None for the usual split, in
            transfer for all clips.
        seeds: Number of random initialisations, and of runs of protocols that draw something.
        scale: "length 1", or "as they are"; None for what the model is made for: length 1 for models of this project,
            as they are for published networks.
        name, command: For the report.
        options: Cache, and what to do about clips that cannot be used.

    Returns:
        The report, and the features.

    Raises:
        ConfigError: If a protocol is unknown, or there are no seeds.
        MsclrError: If data, split and protocol do not fit each other, or a clip cannot be used.

    Example:
        >>> import msclr
        >>> from msclr.evaluate.data import LabelledClips
        >>> from msclr.samples import sample_paths
        >>> walk = msclr.read(sample_paths()["cmu_walk_bvh"])
        >>> clips = {f"{name} {part}": walk.frames(start + part, start + part + 9) for name, start in
        ...          (("early", 0), ("late", 60)) for part in range(4)}
        >>> labels, sides = [name.split()[0] for name in clips], ["train", "train", "train", "test"] * 2
        >>> data = LabelledClips("walk", tuple(clips), tuple(labels), clips, {"split": tuple(sides)}, ("split",))
        >>> done = evaluate(msclr.load_pretrained(), data, ["knn-1"], seeds=1)
        >>> list(done.report.tasks[0].methods)
        ['model', 'random init', 'raw poses']
    """
    chosen = [find_trial(each) if isinstance(each, str) else each for each in protocols]
    if not chosen or seeds < 1:
        raise ConfigError(f"{len(chosen)} protocols, seeds={seeds}", expected="at least one each")
    scaled: Scale = scale or usual_scale(encoder)
    how = replace(options or FeatureOptions(), scale=scaled)
    contest = Contest.of(encoder, seeds)
    if test_data is None:
        lineup = line_up(data, contest, split=split, options=how)
    else:
        lineup = line_up_between(data, test_data, contest, split=split, options=how)
    tasks = tuple(task for protocol in chosen for task in judge(protocol, lineup, data, contest, range(seeds)))
    report = Report(
        title=f"{name} on {lineup.name}",
        model=model_facts(encoder, name, scaled),
        seeds=tuple(range(seeds)),
        versions=versions(),
        command=command,
        tasks=tasks,
    )
    return Evaluation(report, lineup)


def usual_scale(encoder: PoseEncoder) -> Scale:
    """Return how features of a model are usually taken: those of published networks as they are."""
    return "length 1" if encoder.preparation == "common" else "as they are"


def model_facts(encoder: PoseEncoder, name: str, scale: Scale) -> ModelFacts:
    """Return what a report says about a model."""
    return ModelFacts(
        name=name,
        weights_sha256=fingerprint(encoder),
        dim=encoder.dim,
        parameters=sum(weight.numel() for weight in encoder.parameters()),
        preparation=encoder.preparation,
        scale=scale,
    )


def map_of(lineup: Lineup, projection: Projection = "tsne") -> Map:
    """Lay out the test clips of a lineup by the features of the model.

    Args:
        lineup: The features.
        projection: "tsne" or "pca"; of very many clips, an even selection. Without scikit-learn "tsne" is a warning
            and "pca".
    """
    split = lineup.model
    count = len(split.test)
    if count > LARGEST_TSNE:
        step = -(-count // LARGEST_TSNE)
        warnings.warn(f"the map shows every {step}. of {count:,} test clips", UserWarning, stacklevel=2)
        split = split.test_rows(list(range(0, count, step)))
    try:
        points = to_plane(split.test, projection)
    except MissingExtraError as error:
        warnings.warn(f"the map is PCA: {error}", UserWarning, stacklevel=2)
        projection, points = "pca", to_plane(split.test, "pca")
    title = {"tsne": "t-SNE", "pca": "PCA"}[projection]
    return Map(
        points=points,
        labels=tuple(split.classes[place] for place in split.test_labels.tolist()),
        title=f"{lineup.name}: {len(split.test)} test clips, {title} of the model's features",
    )
