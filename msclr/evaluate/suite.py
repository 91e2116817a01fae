"""The whole evaluation of a model: what it must be able to do, beside random weights and raw poses.

Run it with `python -m msclr.evaluate.suite --model MODEL --data FOLDER -o metrics.json`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from msclr.errors import ConfigError, MissingFileError, MsclrError
from msclr.evaluate.actions import action_tasks
from msclr.evaluate.card_tables import TaskResult, to_markdown
from msclr.evaluate.contest import Contest
from msclr.evaluate.conversion import conversion_tasks
from msclr.evaluate.crossing import pair_tasks, sensor_tasks
from msclr.evaluate.publish import attach_results
from msclr.evaluate.summary import summarise
from msclr.io.atomic import atomic_file
from msclr.models.base import PoseEncoder

PARTS = {
    "actions": action_tasks,
    "sensors": sensor_tasks,
    "conversion": conversion_tasks,
    "pairs": pair_tasks,
}


def evaluate(
    encoder: PoseEncoder,
    data_folder: str | Path,
    *,
    parts: Sequence[str] = tuple(PARTS),
    seeds: int = 3,
    limit: int | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> list[TaskResult]:
    """Evaluate an encoder on the prepared data sets of a folder, with every baseline.

    Args:
        encoder: The model.
        data_folder: Folder with `actions` and `mocap`, see `msclr.io.collection`.
        parts: Any of "actions" (classification), "sensors" (one motion, two sensors), "conversion" (a clip against its
            conversions) and "pairs" (one motion, two skeletons).
        seeds: Random initialisations to compare with.
        limit: Most clips per set, for a quick look.
        progress: Told what is being done.

    Returns:
        One result for each task.

    Raises:
        ConfigError: If a part is unknown.
        MissingFileError: If the folder, or a file that a part needs, does not exist.
    """
    folder = Path(data_folder)
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        raise ConfigError(f"part {unknown[0]!r}", expected="some of " + ", ".join(PARTS))
    if not folder.is_dir():
        raise MissingFileError("no such folder", where=str(folder), expected="a folder with actions and mocap")
    contest = Contest.of(encoder, seeds)
    return [task for part in parts for task in PARTS[part](contest, folder, limit=limit, progress=progress)]


def run_suite(
    encoder: PoseEncoder,
    data_folder: str | Path,
    *,
    parts: Sequence[str] = tuple(PARTS),
    seeds: int = 3,
    limit: int | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> dict[str, object]:
    """Evaluate an encoder as `evaluate` does and return everything as JSON-able data.

    Returns:
        {"dim", "parameters", "seeds", "tasks": [{"part", "name", "facts", "scores", "seeds"}, ...]}; scores are shares.
    """
    tasks = evaluate(encoder, data_folder, parts=parts, seeds=seeds, limit=limit, progress=progress)
    return to_data(encoder, seeds, tasks)


def to_data(encoder: PoseEncoder, seeds: int, tasks: Sequence[TaskResult]) -> dict[str, object]:
    """Return results with the size of the model they belong to."""
    return {
        "dim": encoder.dim,
        "parameters": sum(weight.numel() for weight in encoder.parameters()),
        "seeds": seeds,
        "tasks": [task.to_dict() for task in tasks],
    }


@click.command()
@click.option("--model", required=True, help="Name of a model or path of a model folder.")
@click.option(
    "--data", "folder", required=True, envvar="MSCLR_DATA", type=click.Path(path_type=Path), help="Data folder."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where to write the results as JSON.")
@click.option(
    "--part", "parts", multiple=True, type=click.Choice(tuple(PARTS)), help="Only this part; may be repeated."
)
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(0), help="Random initialisations.")
@click.option("--limit", type=click.IntRange(2), help="Most clips per set, for a quick look.")
@click.option("--attach", is_flag=True, help="Also put the results into the model folder and its card.")
def main(
    model: str, folder: Path, output: Path | None, parts: tuple[str, ...], seeds: int, limit: int | None, attach: bool
) -> None:
    """Evaluate a model; tables go to standard output."""
    from msclr.hub.load import load_pretrained

    def progress(text: str) -> None:
        click.echo(text, err=True)

    try:
        encoder = load_pretrained(model)
        tasks = evaluate(encoder, folder, parts=parts or tuple(PARTS), seeds=seeds, limit=limit, progress=progress)
        click.echo(to_markdown(tasks))
        results = {"model": model, **to_data(encoder, seeds, tasks)}
        if attach:
            attach_results(Path(model), encoder, results, f"{summarise(tasks)}\n\n{to_markdown(tasks)}")
        if output is not None:
            text = json.dumps(results, indent=1, allow_nan=False)
            with atomic_file(output) as file:
                file.write(text.encode() + b"\n")
    except MsclrError as error:
        raise click.ClickException(str(error)) from None


if __name__ == "__main__":
    main()
