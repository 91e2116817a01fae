"""From a lineup and a protocol to a task of a report: the model, and the baselines under the same conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass, replace
from statistics import fmean

import numpy as np

from msclr.errors import MsclrError
from msclr.evaluate.lineup import Lineup
from msclr.evaluate.protocols.classified import seen_classes
from msclr.evaluate.protocols.protocol import Outcome, Protocol, ViewProtocol
from msclr.evaluate.reports.report import MODEL, RANDOM, RAW, Method, Setting, Task

CHANCE = "chance "


def judge_by(lineup: Lineup, protocol: Protocol, seeds: Sequence[int]) -> list[Task]:
    """Run a protocol on the features of every contestant.

    Args:
        lineup: The features.
        protocol: The protocol.
        seeds: Of what it draws. A network with random weights is run once for each of its seeds, which is the
            protocol's seed too.

    Returns:
        The task, and once more without the test clips that are copies of training clips, if there are any.

    Raises:
        MsclrError: If the protocol does not fit the data, for example k above the number of training clips.
    """
    versions = [lineup, *([lineup.without_copies()] if 0 < len(lineup.copies) < len(lineup.model.test) else [])]
    return [_task(each, protocol, seeds) for each in versions]


def _task(lineup: Lineup, protocol: Protocol, seeds: Sequence[int]) -> Task:
    drawn = tuple(seeds)[:1] if protocol.deterministic else tuple(seeds)
    runs: dict[str, list[Outcome]] = {MODEL: [protocol.run(lineup.model, seed=seed) for seed in drawn]}
    numbers = {MODEL: drawn}
    if lineup.randoms:
        initial = tuple(range(len(lineup.randoms)))
        runs[RANDOM] = [protocol.run(lineup.randoms[seed], seed=seed) for seed in initial]
        numbers[RANDOM] = initial
    if lineup.raw is not None:
        runs[RAW] = [protocol.run(lineup.raw, seed=seed) for seed in drawn]
        numbers[RAW] = drawn
    return make_task(lineup, protocol.name, settings_of(protocol), runs, numbers, protocol.chance(lineup.model))


def judge_views(
    views: Mapping[str, Lineup], protocol: ViewProtocol, settings: Mapping[str, Setting], seeds: Sequence[int]
) -> list[Task]:
    """Run a protocol of several views on the features of every contestant.

    Args:
        views: The features of each view; the first stands for the clips in the task.
        protocol, settings: The protocol, and what decides its numbers.
        seeds: See `judge_by`.

    Returns:
        As `judge_by`.
    """
    first = next(iter(views.values()))
    tasks = [_task_of_views(views, protocol, settings, seeds)]
    if 0 < len(first.copies) < len(first.model.test):
        others = {title: replace(view, copies=first.copies).without_copies() for title, view in views.items()}
        tasks.append(_task_of_views(others, protocol, settings, seeds))
    return tasks


def _task_of_views(
    views: Mapping[str, Lineup], protocol: ViewProtocol, settings: Mapping[str, Setting], seeds: Sequence[int]
) -> Task:
    first, drawn = next(iter(views.values())), tuple(seeds)[:1] if protocol.deterministic else tuple(seeds)
    models = {title: view.model for title, view in views.items()}
    runs = {MODEL: [protocol.run(models, seed=seed) for seed in drawn]}
    numbers = {MODEL: drawn}
    if first.randoms:
        initial = tuple(range(len(first.randoms)))
        twins = [{title: view.randoms[seed] for title, view in views.items()} for seed in initial]
        runs[RANDOM] = [protocol.run(twin, seed=seed) for seed, twin in zip(initial, twins, strict=True)]
        numbers[RANDOM] = initial
    raw = {title: view.raw for title, view in views.items() if view.raw is not None}
    if len(raw) == len(views):
        runs[RAW] = [protocol.run(raw, seed=seed) for seed in drawn]
        numbers[RAW] = drawn
    chance = {**protocol.chance(models), **_guessed(runs[MODEL][0])}
    told = {method: [_without_guesses(outcome) for outcome in outcomes] for method, outcomes in runs.items()}
    return make_task(first, protocol.name, settings, told, numbers, chance)


def _guessed(outcome: Outcome) -> dict[str, float]:
    """What a protocol says itself of guessing."""
    named = {name: value for name, value in outcome.numbers.items() if name.startswith(CHANCE)}
    return {name.removeprefix(CHANCE): value for name, value in named.items()}


def _without_guesses(outcome: Outcome) -> Outcome:
    return replace(
        outcome, numbers={name: value for name, value in outcome.numbers.items() if not name.startswith(CHANCE)}
    )


def make_task(
    lineup: Lineup,
    protocol: str,
    settings: Mapping[str, Setting],
    runs: Mapping[str, Sequence[Outcome]],
    seeds: Mapping[str, tuple[int, ...]],
    chance: Mapping[str, float],
) -> Task:
    """Put the outcomes of a protocol together.

    Args:
        lineup: The features they are about.
        protocol, settings: Name and settings of the protocol.
        runs: The outcomes of each method.
        seeds: The seeds of each method's runs.
        chance: What guessing scores.
    """
    first, split = runs[MODEL][0], lineup.model
    confusions = [run.confusion for run in runs[MODEL] if run.confusion is not None]
    confusion = np.sum(confusions, axis=0).tolist() if confusions else []
    return Task(
        name=lineup.name,
        data=lineup.data,
        test_data=lineup.test_data,
        protocol=protocol,
        settings=dict(settings),
        facts={
            "train": len(split.train),
            "test": len(split.test),
            "classes": len(seen_classes(split)),
            "copies": len(lineup.copies),
        },
        chance={name: value for name, value in chance.items() if name in first.numbers},
        methods={name: _method(seeds[name], outcomes) for name, outcomes in runs.items()},
        classes=first.classes if confusions else (),
        confusion=tuple(tuple(row) for row in confusion),
        recall={name: fmean(run.recall[name] for run in runs[MODEL]) for name in first.recall},
    )


def failed(lineup: Lineup, protocol: str, settings: Mapping[str, Setting], error: MsclrError) -> Task:
    """Return the task of a protocol that does not fit a data set, with the reason."""
    return Task(
        name=lineup.name,
        data=lineup.data,
        test_data=lineup.test_data,
        protocol=protocol,
        settings=dict(settings),
        failure=str(error),
    )


def settings_of(protocol: Protocol | ViewProtocol) -> dict[str, Setting]:
    """Return the settings of a protocol, flat.

    Example:
        >>> from msclr.evaluate.protocols import NearestNeighbours
        >>> settings_of(NearestNeighbours(20))
        {'k': 20, 'temperature': 0.1}
    """
    given: object = protocol  # a protocol need not be a dataclass, though those of msclr are
    return flat_settings(asdict(given)) if is_dataclass(given) and not isinstance(given, type) else {}


def flat_settings(fields: Mapping[str, object], path: str = "") -> dict[str, Setting]:
    """Return settings within settings as one level.

    Example:
        >>> flat_settings({"percent": 10, "tuning": {"milestones": (50, 70)}})
        {'percent': 10, 'tuning.milestones': '(50, 70)'}
    """
    flat: dict[str, Setting] = {}
    for name, value in fields.items():
        if isinstance(value, Mapping):
            flat |= flat_settings(value, f"{path}{name}.")
        else:
            flat[f"{path}{name}"] = value if isinstance(value, bool | int | float | str) else str(value)
    return flat


def _method(seeds: tuple[int, ...], outcomes: Sequence[Outcome]) -> Method:
    return Method(
        seeds=seeds,
        numbers={name: tuple(float(run.numbers[name]) for run in outcomes) for name in outcomes[0].numbers},
        facts={name: tuple(float(run.facts[name]) for run in outcomes) for name in outcomes[0].facts},
    )
