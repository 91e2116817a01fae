"""msclr protocol: prepare NTU RGB+D and PKU-MMD as the papers did."""

from __future__ import annotations

from typing import Literal

import click

from msclr.cli.options import Command

_NTU = ("ntu60_xsub", "ntu60_xview", "ntu120_xsub", "ntu120_xset")


@click.command(cls=Command)
@click.argument("split", type=click.Choice([*_NTU, "pku"]))
@click.argument("folder")
@click.option("-o", "--output", required=True, metavar="FILE", help="The .npz to write.")
@click.option("--line", type=click.Choice(["cros", "isc"]), default="cros", help="Which preparation; isc for isc.")
@click.option("--frames", type=click.IntRange(min=1), help="Length of the clips of line cros: 50, for skelemix 64.")
@click.option("--missing", metavar="FILE", help="Names of NTU clips to leave out.")
@click.option("--labels", metavar="FOLDER", help="Label files of PKU-MMD.")
@click.option("--split-file", metavar="FILE", help="Split file of PKU-MMD, such as cross_subject_v2.txt.")
@click.option("--skip", is_flag=True, help="Leave out files that cannot be read, and name them.")
def protocol(
    split: str,
    folder: str,
    output: str,
    line: Literal["cros", "isc"],
    frames: int | None,
    missing: str | None,
    labels: str | None,
    split_file: str | None,
    skip: bool,
) -> None:
    """Prepare a folder of NTU RGB+D or PKU-MMD skeletons for training and evaluation.

    SPLIT is a split of NTU RGB+D 60 or 120, or "pku" with --labels and --split-file. Train and test side are in one
    file, which `msclr pretrain` reads.
    """
    from msclr.protocols.prepare import prepare_ntu, prepare_pku

    on_error: Literal["skip", "raise"] = "skip" if skip else "raise"
    if split == "pku":
        if labels is None or split_file is None or missing is not None:
            raise click.UsageError("pku takes --labels and --split-file, and no --missing.")
        done = prepare_pku(folder, labels, split_file, output, line=line, frames=frames, on_error=on_error)
    elif labels is not None or split_file is not None:
        raise click.UsageError(f"--labels and --split-file are for pku, not for {split}.")
    else:
        done = prepare_ntu(folder, output, split=split, line=line, frames=frames, missing=missing, on_error=on_error)
    click.echo(f"{done.path}: {done.train:,} clips to train on, {done.test:,} to test on")
    for name, reason in done.left_out.items():
        click.echo(f"left out: {name}: {reason}", err=True)
