"""msclr evaluate: a model on labelled clips, by the protocols of the field, with the baselines beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from msclr.cli.data_options import LabelledData, data_options
from msclr.cli.options import Command, printable
from msclr.cli.reporting import cache_options, clip_bar, feature_cache, repeatable, say_what_is_written
from msclr.cli.view_options import seen_in, views_options

if TYPE_CHECKING:
    from msclr.evaluate.reports.report import Report


@click.command(cls=Command)
@click.argument("model")
@click.option("--data", metavar="PATH", help="Labelled clips, a file or folder.")
@click.option("--train-on", metavar="PATH", help="Instead of --data: train on these clips,")
@click.option("--test-on", metavar="PATH", help="test on those, of any joint convention.")
@click.option(
    "--protocol",
    "protocols",
    default="knn-1,knn-20,linear,retrieval",
    show_default=True,
    metavar="NAME,NAME",
    help="Protocols, or all of one view.",
)
@views_options
@click.option("--split", metavar="NAME", help="Name of a split; or COLUMN=VALUE,VALUE to test on these clips.")
@click.option("--seeds", type=click.IntRange(1, 100), default=3, show_default=True, help="Runs of what is drawn.")
@click.option("-o", "--output", metavar="FOLDER", help="Where to write report.json, report.md and pictures.")
@click.option("--skip", is_flag=True, help="Leave out clips that cannot be used, and report them.")
@click.option(
    "--scale",
    type=click.Choice(["unit", "none"]),
    help="Scale features to length 1 or not; by default what the model is made for.",
)
@click.option(
    "--map",
    "projection",
    type=click.Choice(["tsne", "pca"]),
    default="tsne",
    show_default=True,
    help="How the map of test clips is laid out.",
)
@cache_options
@data_options
@click.pass_context
def evaluate(
    context: click.Context,
    about: LabelledData,
    model: str,
    data: str | None,
    train_on: str | None,
    test_on: str | None,
    protocols: str,
    views: str | None,
    streams: tuple[str, ...],
    split: str | None,
    seeds: int,
    output: str | None,
    skip: bool,
    scale: Literal["unit", "none"] | None,
    projection: Literal["tsne", "pca"],
    cache: str | None,
    no_cache: bool,
) -> None:
    """Judge a model on labelled clips, with the baselines that belong in every table.

    MODEL is a name or folder. The data is an .npz that msclr protocol wrote, a clip store, a folder of NTU RGB+D,
    PKU-MMD or NW-UCLA files, a PYSKL pickle, or a folder of pose files with labels.csv. Features are computed once and
    kept. The table goes to standard output.
    """
    from msclr.evaluate.evaluation import evaluate as judge
    from msclr.evaluate.evaluation import map_of
    from msclr.evaluate.lineup import FeatureOptions
    from msclr.evaluate.protocols import PROTOCOLS
    from msclr.evaluate.reports.writing import write_report
    from msclr.evaluate.trials import find_trial
    from msclr.hub.load import load_pretrained

    first, second = _paths(data, train_on, test_on)
    names = list(PROTOCOLS) if protocols == "all" else [name.strip() for name in protocols.split(",")]
    trials = seen_in([find_trial(name) for name in names], views, streams, about)
    clips = about.open(first)
    others = None if second is None else about.open(second)
    encoder = load_pretrained(model)
    with clip_bar(len(clips) + (0 if others is None else len(others))) as bar:
        done = judge(
            encoder,
            clips,
            trials,
            test_data=others,
            split=split,
            seeds=seeds,
            scale=None if scale is None else "length 1" if scale == "unit" else "as they are",
            name=model,
            command=repeatable(context),
            options=FeatureOptions(
                cache=feature_cache(cache, no_cache), on_error="skip" if skip else "raise", progress=bar
            ),
        )
    _show(done.report)
    if output is not None:
        say_what_is_written(write_report(done.report, output, {"map": map_of(done.lineup, projection)}))


def _paths(data: str | None, train_on: str | None, test_on: str | None) -> tuple[str, str | None]:
    """Return the data to train on, and that to test on if it is another."""
    if data is not None and train_on is None and test_on is None:
        return data, None
    if data is None and train_on is not None and test_on is not None:
        return train_on, test_on
    raise click.UsageError("Give --data, or both --train-on and --test-on.")


def _show(report: Report) -> None:
    from msclr.evaluate.reports.tables import sizes, task_table

    for name in dict.fromkeys(task.name for task in report.tasks):
        tasks = [task for task in report.tasks if task.name == name]
        left_out = sum(len(data.left_out) for data in (tasks[0].data, tasks[0].test_data) if data is not None)
        more = f", {left_out} left out" if left_out else ""
        click.echo(f"{printable(report.model.name)} on {printable(name)}: {sizes(tasks[0])}{more}\n")
        click.echo(task_table(tasks).text() + "\n")
