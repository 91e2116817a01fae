"""The model card of a pretraining run: what was trained, on what, under which terms, and what it is not for."""

from __future__ import annotations

from msclr.train.config import TrainConfig


def model_card(config: TrainConfig) -> str:
    """Write the card of a run; the figures are added by `python -m msclr.evaluate.suite --attach`.

    Example:
        >>> from msclr.train.config import SourceConfig
        >>> print(model_card(TrainConfig(name="tiny", sources=(SourceConfig(file="walks.npz"),))).splitlines()[6])
        # tiny
    """
    files = "\n".join(
        f"- `{source.file}` (weight {source.weight:g}" + (f", labels: `{source.label}`)" if source.label else ")")
        for source in config.sources
    )
    held_out = [*config.exclude_subjects, *(f"every recording named in `{name}`" for name in config.exclude_pairs)]
    terms = "\n".join(f"- {line}" for line in config.acknowledgements) or "- none stated"
    clips = config.steps * config.batch_size
    seen = f"{clips:,} clips seen, two views each"
    training = f"{config.steps:,} steps of {config.batch_size} clips ({seen}), seed {config.seed}."
    return f"""---
license: {config.licence}
library_name: msclr
tags: [skeleton, human-pose, motion, contrastive-learning]
---

# {config.name}

Turns human pose clips of any joint convention, 2D or 3D, into vectors of {config.encoder.dim} numbers.

```python
import msclr

encoder = msclr.load_pretrained("{config.name}")
vectors = encoder.embed([msclr.read("walk.bvh"), msclr.read("openpose_output/")])
```

## Training

`msclr pretrain`: {training}
MS-CLR's contrast between joint conventions (recorded, registered and derived ones, 2D among them) behind a projection
head, with cross-entropy on labels where a file has them (weight {config.loss.label_weight:g}). Files:

{files}

Never trained on: {", ".join(held_out) or "nothing is held out"}.

## Terms and acknowledgements

{terms}

## Intended use and limits

Search, clustering and classification of body movement, and fine-tuning. The training data is a few hours of everyday,
sports and rehabilitation movement of adults; hands and faces are hardly in it. Do not use the vectors to identify
people or to decide about them. Left and right must be right in the input; a mirrored recording is another movement.
"""
