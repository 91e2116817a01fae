"""The model card: the README.md of a model folder, which the Hugging Face Hub shows as the model's page."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from msclr.hub.info import conventions_of
from msclr.models.config import ModelConfig

TAGS = ("skeleton", "human-pose", "motion", "pose-embedding")

# Terms that the Hub knows by name; others are called "other" there, with their name beside.
_KNOWN_LICENCES = re.compile(
    r"apache-2\.0|mit|isc|bsd-[23]-clause|cc0-1\.0|cc-by(-nc)?(-sa|-nd)?-4\.0|(a|l)?gpl-3\.0|gpl-2\.0|lgpl-2\.1|mpl-2\.0|"
    r"openrail|pddl|odbl|unlicense|zlib|unknown|other"
)

MEASURED = "## Measured"
NOT_MEASURED = (
    "Nothing: no figures are attached to this model. `python -m msclr.evaluate.suite --attach` measures it beside\n"
    "random weights and raw poses."
)
USE = "Search, clustering and classification of body movement, and fine-tuning."
LIMITS = (
    "Do not use the vectors to identify people or to decide about them. Left and right must be right in the input; a "
    "mirrored recording is another movement. Movements unlike those of the training data may lie anywhere."
)


@dataclass(frozen=True)
class ModelCard:
    """What a model card says; what is not known is said not to be known.

    Args:
        name: Name of the model.
        config: Configuration of its encoder.
        licence: Terms of the weights.
        summary: What it does, in a sentence; by default one made from the configuration.
        usage: What `load_pretrained` takes, for the example.
        training: How it was trained.
        data: What it was trained on, one entry for each file or data set.
        held_out: What it was never trained on.
        terms: Terms of the training data, and what they ask to be said.
        measured: Markdown with every metric and its baselines.
        use, limits: What it is for, and where that ends.

    Example:
        >>> from msclr.models.config import EncoderConfig
        >>> card = ModelCard("tiny", EncoderConfig(), licence="mit", data=["walks.npz"]).to_markdown()
        >>> ", ".join(line.strip("# ") for line in card.splitlines() if line.startswith("## "))
        'Usage, Conventions, Training, Terms, Intended use, Limits, Measured'
    """

    name: str
    config: ModelConfig
    licence: str | None = None
    summary: str | None = None
    usage: str | None = None
    training: str = "Not stated."
    data: Sequence[str] = ()
    held_out: Sequence[str] = ()
    terms: Sequence[str] = ()
    measured: str = NOT_MEASURED
    use: str = USE
    limits: str = LIMITS

    def to_markdown(self) -> str:
        """Return the card as the content of README.md."""
        name = _line(self.name)
        sections = {
            "Usage": self._usage(name),
            "Conventions": _conventions(self.config),
            "Training": self._training(),
            "Terms": f"Weights: {_line(self.licence) if self.licence else 'no terms stated'}. Training data:\n\n"
            + _items(self.terms, "no terms stated"),
            "Intended use": _wrapped(self.use),
            "Limits": _wrapped(self.limits),
        }
        summary = self.summary or "Turns human pose clips into vectors."
        body = "\n\n".join(f"## {title}\n\n{text.strip()}" for title, text in sections.items())
        card = f"{_front_matter(self.licence)}\n# {name}\n\n{_wrapped(summary)}\n\n{body}\n"
        return with_measured(card, self.measured)

    def _usage(self, name: str) -> str:
        usage = json.dumps(self.usage or f"./{name}", ensure_ascii=False)
        note = "" if self.usage else "  # this folder; on the Hub its repository, as owner/name"
        return (
            f"```python\nimport msclr\n\nencoder = msclr.load_pretrained({usage}){note}\n"
            'vectors = encoder.embed([msclr.read("walk.bvh"), msclr.read("openpose_output/")])\n```\n\n'
            "`pip install msclr`; every file is checked against `manifest.json` when it is loaded."
        )

    def _training(self) -> str:
        data = f"\n\nData:\n\n{_items(self.data, 'not stated')}"
        held_out = f"\n\nNever trained on: {', '.join(self.held_out)}." if self.held_out else ""
        return f"{_wrapped(self.training)}{data}{held_out}"


def with_measured(card: str, measured: str) -> str:
    r"""Return a card whose section of figures, the last one, has a new text.

    Args:
        card: Any card; one without such a section gets it.
        measured: Markdown.

    Example:
        >>> with_measured("# tiny\n", "Nothing.")
        '# tiny\n\n## Measured\n\nNothing.\n'
    """
    before = card.split(f"\n{MEASURED}\n")[0].rstrip()
    return f"{before}\n\n{MEASURED}\n\n{measured.strip()}\n"


def _front_matter(licence: str | None) -> str:
    lines = ["library_name: msclr", f"tags: [{', '.join(TAGS)}]"]
    if licence is not None:
        known = _KNOWN_LICENCES.fullmatch(licence.lower())
        lines = [
            *([f"license: {licence.lower()}"] if known else ["license: other", f"license_name: {_slug(licence)}"]),
            *lines,
        ]
    return "\n".join(["---", *lines, "---", ""])


def _conventions(config: ModelConfig) -> str:
    names = conventions_of(config)
    if names is None:
        return "Any joint convention that msclr knows or is told of (`msclr skeletons`), 2D or 3D."
    listed = ", ".join(f"`{name}`" for name in names)
    return f"{listed}. Recordings in another convention are converted first: `msclr.convert`."


def _items(lines: Sequence[str], nothing: str) -> str:
    return "\n".join(f"- {_line(line)}" for line in lines) or f"- {nothing}"


def _line(text: str) -> str:
    return " ".join(text.split())


def _wrapped(text: str) -> str:
    return textwrap.fill(_line(text), 118, break_long_words=False, break_on_hyphens=False)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-")[:96] or "other"
