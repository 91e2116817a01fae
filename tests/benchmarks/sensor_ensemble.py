"""Measure what an ensemble of sensors gains over each by itself, on repetitions that all of them recorded.

    MSCLR_DATA=... python tests/benchmarks/sensor_ensemble.py

UI-PRMD: ten exercises by ten subjects, seen by Kinect and Vicon (markers, and joint centres made from them). Trained on
subjects 1 to 8, or on 1 to 4 and on 5 to 8 (mean of both), tested on 9 and 10, whom the bundled model has not
seen. Accuracy in per cent on the test repetitions that are in all files; for random weights the mean over three seeds.
Features have length 1. Weights are learned with one subject left out after the other.
"""

from __future__ import annotations

import os
from pathlib import Path
from statistics import fmean

import click

import msclr
from msclr.evaluate import (
    LogisticProtocol,
    Scores,
    SgdProtocol,
    fit_ensemble,
    format_features,
    fuse,
    held_out_scores,
    learn_weights,
    random_encoder,
)
from msclr.io.collection import read_collection

FILES = {"Kinect": "uiprmd_kinect_PDDL", "markers": "uiprmd_vicon_PDDL", "joint centres": "uiprmd_viconjc_PDDL"}
TEST = ("uiprmd_s09", "uiprmd_s10")
EIGHT = (("01", "02", "03", "04", "05", "06", "07", "08"),)
FOUR = (("01", "02", "03", "04"), ("05", "06", "07", "08"))
SENSORS = (("Kinect", "markers"), ("Kinect", "joint centres"), ("markers", "joint centres"), tuple(FILES))


def main() -> None:
    views: dict[str, dict[str, msclr.PoseSequence]] = {}
    labels: dict[str, str] = {}
    subjects: dict[str, str] = {}
    for title, file in FILES.items():
        clips = read_collection(Path(os.environ["MSCLR_DATA"]) / "mocap" / f"{file}.npz")
        for index, name in enumerate(clips.names):
            views.setdefault(name, {})[title] = clips[index]
            labels[name], subjects[name] = clips.column("label")[index], clips.column("subject")[index]
    views = {name: seen for name, seen in views.items() if len(seen) == len(FILES)}
    test = {name: labels[name] for name in views if subjects[name] in TEST}
    model = msclr.load_pretrained()
    encoders = {"bundled": [model], "random": [random_encoder(model, seed) for seed in range(3)]}
    for weights, several in encoders.items():
        features = [format_features(views, encoder, normalize=True) for encoder in several]
        named = [dict(zip(FILES, each.values(), strict=True)) for each in features]
        for protocol in (LogisticProtocol(), SgdProtocol()):
            for groups in (EIGHT, FOUR):
                rows = []
                for group in groups:
                    training = {name: labels[name] for name in views if subjects[name][-2:] in group}
                    rows += [measure(each, training, test, subjects, protocol) for each in named]
                click.echo(f"\n{weights}, {type(protocol).__name__}, {len(groups[0])} subjects; {len(test)} tested")
                for method in rows[0]:
                    click.echo(f"  {method:42} {100 * fmean(row[method] for row in rows):.1f}")


def measure(
    features: dict[str, Scores],
    training: dict[str, str],
    test: dict[str, str],
    subjects: dict[str, str],
    protocol: LogisticProtocol | SgdProtocol,
) -> dict[str, float]:
    """Return the accuracy of each sensor and of the ensembles."""
    said = fit_ensemble(features, training, protocol=protocol).scores(features)
    held = held_out_scores(features, training, folds=subjects, protocol=protocol)
    found = {title: part.take(test).accuracy(test).value for title, part in said.items()}
    for chosen in SENSORS:
        parts = {title: said[title] for title in chosen}
        learned = learn_weights({title: held[title] for title in chosen}, training, test=test).weights
        for how, weights in (("mean", None), ("learned", learned)):
            scores = fuse(parts, weights=weights, ids=test).scores
            found[f"{' + '.join(chosen)}, {how}"] = scores.accuracy(test).value
    return found


if __name__ == "__main__":
    main()
