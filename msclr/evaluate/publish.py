"""Put the results of an evaluation into the model folder that they are about."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from msclr.errors import MissingFileError
from msclr.hub.card import with_measured
from msclr.hub.manifest import CARD, MANIFEST, Manifest
from msclr.hub.save import save_pretrained
from msclr.models.base import PoseEncoder

EXPLANATION = """\
Per cent, on recordings that were not trained on: of a data set named under "Data", its test side. "random init" is the
same network with random weights (mean over seeds), "raw poses" the coordinates themselves in common coordinates,
restricted to shared joints where two conventions meet. All figures with sizes and seeds are in `metrics.json`.
"""


def attach_results(folder: Path, encoder: PoseEncoder, results: Mapping[str, object], tables: str) -> None:
    """Write metrics.json, and the tables into the card, of a local model folder.

    Args:
        folder: The model folder.
        encoder: Its encoder.
        results: What becomes metrics.json.
        tables: Markdown that replaces the section "Measured" of the card.

    Raises:
        MissingFileError: If it is no local model folder with a card.
    """
    card, manifest = folder / CARD, folder / MANIFEST
    if not (card.is_file() and manifest.is_file()):
        raise MissingFileError("no README.md or manifest.json", where=str(folder), expected="a local model folder")
    facts = Manifest.model_validate_json(manifest.read_bytes())
    save_pretrained(
        encoder,
        folder,
        name=facts.name,
        licence=facts.licence,
        card=with_measured(card.read_text("utf-8"), f"{EXPLANATION}\n{tables}"),
        metrics=json.loads(json.dumps(results, allow_nan=False)),
    )
