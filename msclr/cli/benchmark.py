"""msclr benchmark: a model on all labelled data sets of a folder, by all protocols, as one table."""

from __future__ import annotations

import click

from msclr.cli.options import Command, printable
from msclr.cli.reporting import cache_options, clip_bar, feature_cache, repeatable, say_what_is_written
from msclr.cli.view_options import seen_in, views_options


@click.command(cls=Command)
@click.argument("model", default="msclr-base")
@click.option("--data", envvar="MSCLR_DATA", metavar="FOLDER", help="Folder with actions/*.npz; else MSCLR_DATA.")
@click.option("-o", "--output", required=True, metavar="FOLDER", help="Where the results go, and what is done so far.")
@click.option("--sets", metavar="NAME,NAME", help="Only these data sets.")
@click.option("--protocol", "protocols", metavar="NAME,NAME", help="Only these protocols.")
@click.option("--full", is_flag=True, help="Also few labels, several views, and fine-tuning, which takes hours.")
@views_options
@click.option("--seeds", type=click.IntRange(1, 100), default=3, show_default=True, help="Runs of what is drawn.")
@cache_options
@click.pass_context
def benchmark(
    context: click.Context,
    model: str,
    data: str | None,
    output: str,
    sets: str | None,
    protocols: str | None,
    full: bool,
    views: str | None,
    streams: tuple[str, ...],
    seeds: int,
    cache: str | None,
    no_cache: bool,
) -> None:
    """Judge a model on every labelled data set, beside random weights, raw poses and chance.

    MODEL is a name or folder; by default the bundled model. Stopped and started again, it goes on where it was: what is
    done is kept, one file for each protocol on each data set.
    """
    from msclr.evaluate.benchmark import action_sets, chosen
    from msclr.evaluate.benchmark import benchmark as run
    from msclr.evaluate.lineup import FeatureOptions
    from msclr.evaluate.reports.tables import headline_table
    from msclr.evaluate.reports.writing import write_report
    from msclr.evaluate.trials import FROZEN, FULL
    from msclr.hub.load import load_pretrained

    if data is None:
        raise click.UsageError("Say where the data is: --data FOLDER, or the environment variable MSCLR_DATA.")
    trials = seen_in(chosen(FULL if full or protocols else FROZEN, protocols, "protocol"), views, streams)
    known = chosen(action_sets(data), sets, "data set")
    encoder = load_pretrained(model)
    with clip_bar() as bar:
        report = run(
            encoder,
            known,
            output,
            trials=trials,
            seeds=seeds,
            name=model,
            command=repeatable(context),
            options=FeatureOptions(cache=feature_cache(cache, no_cache), progress=bar),
            progress=lambda text: click.echo(printable(text), err=True),
        )
    click.echo(f"{printable(model)}, per cent; ↓ lower is better\n\n{headline_table(report.tasks).text()}\n")
    for task in report.tasks:
        if task.failure:
            click.echo(f"{printable(task.name)}, {task.protocol}: {printable(task.failure)}", err=True)
    say_what_is_written(write_report(report, output))
