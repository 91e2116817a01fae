"""msclr export: a model as a graph that runs without msclr."""

from __future__ import annotations

from typing import Literal

import click

from msclr.cli.options import Command, printable


@click.command(cls=Command)
@click.argument("model")
@click.option("-o", "--output", required=True, metavar="FOLDER", help="The folder to make.")
@click.option("--format", type=click.Choice(["onnx", "torch-export"]), default="onnx", show_default=True)
@click.option(
    "--skeleton",
    default="universal",
    show_default=True,
    metavar="NAME",
    help="The one joint convention that the graph takes, or universal for all.",
)
@click.option(
    "--precision",
    type=click.Choice(["float32", "float16", "int8"]),
    default="float32",
    show_default=True,
    help="What most of it is multiplied in; int8 for onnx only. Inputs and outputs are float32.",
)
def export(
    model: str,
    output: str,
    format: Literal["onnx", "torch-export"],
    skeleton: str,
    precision: Literal["float32", "float16", "int8"],
) -> None:
    """Write MODEL as a graph for ONNX Runtime or torch.export, with all it needs beside it.

    Any number of clips, persons and frames goes in. The graph is compared with the model before the folder appears;
    its README.md says how to use it, prepare.py brings poses to what it takes, with NumPy alone.
    """
    from msclr.export import export as write
    from msclr.export.exported import read_facts
    from msclr.hub.load import load_pretrained

    place = write(load_pretrained(model), output, format=format, skeleton=skeleton, precision=precision, model=model)
    least = read_facts(place).least_cosine
    near = "equal to" if least is None else f"{precision}, cosine at least {least} to"
    within = " within 1e-5" if least is None else " on the clips of the check"
    click.echo(f"{printable(str(place))}: {format}, {printable(skeleton)}, {near} {printable(model)}{within}")
