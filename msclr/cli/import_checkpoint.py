"""msclr import-checkpoint: weights of the published systems, as a model folder."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, cast

import click

from msclr.cli.options import Command, printable

FAMILIES = ("aimclr", "skeletonclr", "crosclr", "skelemixclr", "ms-clr", "isc", "stgcn")


@click.command("import-checkpoint", cls=Command)
@click.argument("checkpoint")
@click.option("-o", "--output", required=True, metavar="FOLDER", help="Where to make the model folder.")
@click.option("--family", type=click.Choice(FAMILIES), help="Published system; by default told from the keys.")
@click.option(
    "--stream",
    type=click.Choice(["joint", "motion", "bone"]),
    default="joint",
    show_default=True,
    help="What the weights were trained on; of crosclr, the encoder to take.",
)
@click.option(
    "--format",
    "formats",
    multiple=True,
    metavar="NAME",
    help="Joint format to take (repeat for several); for isc: sequence, graph or image.",
)
@click.option(
    "--allow-pickle",
    is_flag=True,
    help="DANGER: run whatever code is in the file, with your rights. Only for files of people you trust with your "
    "computer, whose checkpoints hold more than tensors.",
)
def import_checkpoint(
    checkpoint: str, output: str, family: str | None, stream: str, formats: tuple[str, ...], allow_pickle: bool
) -> None:
    """Make a model folder of a published checkpoint, and say what became of every key.

    CHECKPOINT is a file of AimCLR, SkeletonCLR, CrosSCLR, SkeleMixCLR, MS-CLR, inter-skeleton contrast or ST-GCN.
    """
    from msclr.hub.card import ModelCard
    from msclr.hub.foreign.families import Family
    from msclr.hub.foreign.importing import import_checkpoint as import_file
    from msclr.hub.save import save_pretrained

    if allow_pickle:
        click.echo(f"msclr: warning: --allow-pickle runs whatever is in {printable(checkpoint)}", err=True)
    imported = import_file(
        checkpoint,
        family=cast("Family | None", family),
        stream=cast(Literal["joint", "motion", "bone"], stream),
        formats=formats,
        allow_pickle=allow_pickle,
    )
    report = imported.report
    card = ModelCard(
        Path(output).resolve().name,
        imported.encoder.config,
        summary=f"Weights of a published checkpoint ({report.family}, {report.stream}), as a model of msclr.",
        training="Not by msclr: see the publication of the system. `metrics.json` says what became of every key.",
    )
    save_pretrained(imported.encoder, output, card=card, metrics={"import": report.to_data()})
    for line in report.table().splitlines():
        click.echo(printable(line) if "  " not in line else "  ".join(map(printable, line.split("  "))))
    click.echo(f"made {printable(output)}: msclr embed FILES --model {printable(output)} -o vectors.npz")
