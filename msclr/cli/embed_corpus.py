"""msclr embed-corpus: any number of pose files as a folder of vectors."""

from __future__ import annotations

from typing import Literal

import click

from msclr.cli.corpora import bar_of, corpus_options, say_what_became
from msclr.cli.options import Command, reading_options
from msclr.io.reading import Reading

SHOWN = 20


@click.command(cls=Command, name="embed-corpus")
@click.option("-o", "--output", required=True, metavar="FOLDER", help="Where to put the vectors.")
@click.option("--model", default="msclr-base", show_default=True, metavar="NAME", help="Model name or folder.")
@corpus_options
@click.option(
    "--pool",
    type=click.Choice(["processes", "ray"]),
    default="processes",
    show_default=True,
    help="What the workers are: processes here, or Ray actors.",
)
@click.option("--shard-size", type=click.IntRange(min=1), default=1000, show_default=True, help="Files kept together.")
@click.option("--file-format", type=click.Choice(["safetensors", "parquet"]), default="safetensors", show_default=True)
@click.option("--device", default="cpu", show_default=True, help="Where to embed, for example cuda.")
@reading_options
def embed_corpus(
    reading: Reading,
    files: tuple[str, ...],
    output: str,
    model: str,
    workers: int,
    pool: Literal["processes", "ray"],
    shard_size: int,
    precision: Literal["float32", "float16"],
    file_format: Literal["safetensors", "parquet"],
    device: str,
    overwrite: bool,
) -> None:
    """Turn any number of pose files into a folder of vectors for msclr search.

    FILES are files, folders of files however deep, and prepared .npz data sets. Interrupted and started again, it goes
    on where it was. Files that cannot be embedded cost no others; the folder's inputs.jsonl says what has become of
    every file.
    """
    from msclr.embed import embed_dataset
    from msclr.hub.load import load_pretrained

    encoder = load_pretrained(model, device=device)
    with bar_of("files") as progress:
        done = embed_dataset(
            encoder,
            files,
            output,
            model=model,
            pool=pool,
            workers=workers,
            shard_size=shard_size,
            precision=precision,
            file_format=file_format,
            overwrite=overwrite,
            format=reading.format,
            skeleton=reading.skeleton,
            unit=reading.unit,
            up=reading.up,
            fps=reading.fps,
            person=reading.person,
            progress=progress,
        )
    say_what_became(done, f"{done.vectors:,} vectors", "files", most=SHOWN)
