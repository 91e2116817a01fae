"""msclr models: the models that can be loaded by name, and what a model is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from msclr.cli.options import Command, printable

if TYPE_CHECKING:
    from msclr.hub.info import ModelInfo


@click.command(cls=Command)
@click.argument("name", default="*")
@click.option("--skeleton", metavar="NAME", help="Only models that take this joint convention.")
@click.option("--data", metavar="TEXT", help="Only models trained on data with this in its name.")
@click.option("--licence", metavar="NAME", help="Only models under these terms, such as apache-2.0.")
@click.option("--offline", is_flag=True, help="Open no connection: look in the cache only.")
def models(name: str, skeleton: str | None, data: str | None, licence: str | None, offline: bool) -> None:
    """List the models that can be loaded by name, or say what one is.

    \b
    msclr models                       all that msclr is published with
    msclr models --skeleton coco_17    those that take a joint convention
    msclr models ./my-model            one: its terms, results, and the sha256 of its weights
    msclr models owner/name@v1         one on the Hugging Face Hub; its weights are not fetched
    """
    from msclr.hub.info import model_info
    from msclr.hub.shipped import list_models, shipped_model

    if any(sign in name for sign in "*?["):
        for each in list_models(name, skeleton=skeleton, data=data, licence=licence):
            entry = shipped_model(each)
            conventions = "any convention" if entry.skeletons is None else ", ".join(entry.skeletons)
            click.echo(f"{entry.name:<16} {entry.dim:>4} numbers  {entry.licence:<12} {conventions}  {entry.title}")
        return
    if skeleton or data or licence:
        raise click.UsageError("--skeleton, --data and --licence choose from the list; a single model has no choice")
    for line in describe(model_info(name, local_files_only=offline)):
        click.echo(printable(line))


def describe(info: ModelInfo) -> Iterator[str]:
    """Yield the lines that say what a model is."""
    yield f"{info.name}: {info.config.summary()}"
    yield f"from: {info.source}, saved by msclr {info.msclr_version}"
    yield f"vectors: {info.dim} numbers"
    yield f"conventions: {'any' if info.skeletons is None else ', '.join(info.skeletons)}"
    yield f"weights: {info.size:,} bytes, sha256 {info.sha256}"
    yield f"licence: {info.licence or 'none stated'}"
    if info.data:
        yield f"trained on: {', '.join(info.data)}"
    tasks = info.metrics.get("tasks")
    known = f"{len(tasks)} tasks" if isinstance(tasks, list) else ", ".join(info.metrics)
    yield f"metrics: {known or 'none'}"
