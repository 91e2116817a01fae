"""The directive `model-zoo`: every model of the index, with its terms, data and results beside their baselines."""

from __future__ import annotations

from typing import ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import msclr
from msclr.hub.shipped import ShippedModel, shipped_models


def describe(model: ShippedModel) -> list[str]:
    """Write what the index says of a model as MyST, its heading first."""
    where = f"[{model.repository}](https://huggingface.co/{model.repository}), commit `{model.commit}`"
    rows = {
        "Load": f'`msclr.load_pretrained("{model.name}")`',
        "Vectors": f"{model.dim} numbers",
        "Joint conventions": ", ".join(model.skeletons) if model.skeletons else "all, 2D and 3D",
        "Trained on": ", ".join(model.data),
        "Terms of the weights": model.licence,
        "Where": where if model.repository else "comes with msclr: no download",
        "sha256 of the weights": f"`{model.sha256}`",
    }
    if model.repository is None:
        info = msclr.model_info(model.name)
        rows["Size"] = f"{info.size / 1e6:.1f} MB"
    table = [f"| {name} | {text} |" for name, text in rows.items()]
    return [f"## {model.name}", "", model.title + ".", "", "| | |", "|---|---|", *table, "", *_card(model)]


def _card(model: ShippedModel) -> list[str]:
    """Take what the card of a bundled model says about limits and results; its headings move one level down."""
    if not hasattr(model.place, "joinpath"):
        return []
    text = model.place.joinpath("README.md").read_text("utf-8")
    wanted = [part for part in text.split("\n## ")[1:] if part.startswith(("Intended use", "Limits", "Measured"))]
    lines = "\n\n".join(f"## {part}" for part in wanted).splitlines()
    return [f"#{line}" if line.startswith("#") else line for line in lines]


class ModelZoo(SphinxDirective):
    """A section for each model of the index."""

    has_content = False
    option_spec: ClassVar = {}

    def run(self) -> list[nodes.Node]:
        """Return the sections."""
        lines = [line for model in shipped_models().values() for line in [*describe(model), ""]]
        return self.parse_text_to_nodes("\n".join(lines), allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("model-zoo", ModelZoo)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
