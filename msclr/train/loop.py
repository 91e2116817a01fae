"""The pretraining loop: two views of each clip in different conventions, one contrast, labels where there are any."""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from msclr.errors import TrainingError
from msclr.hub.save import save_pretrained
from msclr.losses.msclr import MSCLRLoss
from msclr.models.encoder import MultiSkeletonEncoder, build_encoder
from msclr.models.heads import ProjectionHead
from msclr.models.momentum import MomentumEncoder
from msclr.poses.batch import PoseBatch
from msclr.train.card import model_card
from msclr.train.config import TrainConfig
from msclr.train.data import Source, WindowSampler, load_sources
from msclr.train.views import ViewMaker

logger = logging.getLogger(__name__)

LOG_EVERY = 50
LONGEST_BAD_RUN = 20
LABEL_SMOOTHING = 0.1


class Projected(nn.Module):
    """An encoder with the projection head of the contrastive loss."""

    def __init__(self, encoder: MultiSkeletonEncoder, projection: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = ProjectionHead(encoder.dim, projection)

    def forward(self, batch: PoseBatch) -> tuple[Tensor, Tensor]:
        """Return features [m, dim] and projections [m, d] of every person of a batch."""
        features = self.encoder.pool(self.encoder.features(batch))
        return features, self.head(features)


def pretrain(
    config: TrainConfig, data: Path, output: Path, *, device: str | None = None, progress: bool = True
) -> MultiSkeletonEncoder:
    """Pretrain an encoder on recordings in one or several joint conventions and write it as a model folder.

    Each step draws clips, makes a query and a key view of each in different conventions (native, registered, derived,
    2D) or takes the key from another sensor that saw the same motion, and contrasts them with MS-CLR's objective:
    InfoNCE against a shared queue of keys of all conventions, behind a projection head. Sources with labels add a
    cross-entropy.

    Args:
        config: The run.
        data: Folder that the files of the run are relative to.
        output: Folder to write the model to; the log goes beside it, to OUTPUT.pretrain.jsonl.
        device: "cpu", "cuda", ...; by default CUDA where there is one.
        progress: Show a progress bar.

    Returns:
        The trained encoder, in evaluation mode.

    Raises:
        MissingFileError: If a file of the run is missing.
        TrainingError: If the loss is not finite for many steps in a row.
    """
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    sources = load_sources(config, data)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        query = Projected(build_encoder(config.encoder), config.loss.projection).to(place)
        heads = _label_heads(sources, query.encoder.dim).to(place)
    key = MomentumEncoder(query, config.loss.momentum)
    loss = MSCLRLoss(
        dim=config.loss.projection,
        queue_size=config.loss.queue_size,
        temperature=config.loss.temperature,
        in_batch=True,
    ).to(place)
    parameters = [*query.parameters(), *heads.parameters()]
    optimizer = torch.optim.AdamW(_groups(parameters, config.weight_decay), lr=config.learning_rate)
    log = _Log(output.with_name(output.name + ".pretrain.jsonl"))
    for step, (query_batch, key_batch, labels, ids) in enumerate(_steps(config, sources, place, progress)):
        features, projected = query(query_batch)
        with torch.no_grad():
            _, keys = key(key_batch)
        outcome = loss(projected, keys, sample_ids=ids)
        supervised = _label_loss(features, labels, heads)
        total = outcome.total + config.loss.label_weight * supervised
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * _cosine(step, config.steps, config.warmup)
        optimizer.zero_grad(set_to_none=True)
        total.backward()
        norm = nn.utils.clip_grad_norm_(parameters, 5.0)
        if log.healthy(total, norm):
            optimizer.step()
            key.update(query)
        if step % LOG_EVERY == 0 or step == config.steps - 1:
            log.write(step=step, loss=total, labels=supervised, **outcome.terms)
    encoder = query.encoder.eval()
    save_pretrained(encoder, output, name=config.name, licence=config.licence, card=model_card(config))
    return encoder


def _steps(
    config: TrainConfig, sources: list[Source], device: torch.device, progress: bool
) -> Iterator[tuple[PoseBatch, PoseBatch, list[tuple[str, Tensor]], Tensor]]:
    """Yield query batch, key batch, (family, classes) of each block, and an id for every clip."""
    sampler = WindowSampler(sources, config, config.seed)
    views = ViewMaker(sources, config.views, config.seed + 1)
    names = _clip_ids(sources)
    from tqdm import tqdm

    for _ in tqdm(range(config.steps), desc="pretrain", unit="step", disable=not progress):
        pairs = sampler.draw()
        while sum(len(first.clips) for first, _ in pairs) < 2:
            pairs = sampler.draw()
        mirrored = bool(sampler.random.random() < 0.5)
        first = views.batch([pair[0] for pair in pairs], mirrored)
        second = views.batch([pair[1] for pair in pairs], mirrored)
        drawn = [(sources[block.source], block.clips, names[block.source]) for block, _ in pairs]
        labels = [(source.family, torch.from_numpy(source.labels[clips]).to(device)) for source, clips, _ in drawn]
        ids = torch.cat([known[torch.from_numpy(clips)] for _, clips, known in drawn])
        yield first.to(device), second.to(device), labels, ids.to(device)


def _clip_ids(sources: list[Source]) -> list[Tensor]:
    """One id for each recording, the same in all files of a group, so that a recording is never its own negative."""
    known: dict[tuple[str, str], int] = {}
    return [
        torch.tensor([known.setdefault((source.family, name), len(known)) for name in source.clips.names])
        for source in sources
    ]


def _label_heads(sources: list[Source], dim: int) -> nn.ModuleDict:
    """One classifier for each family of sources with classes; the sensors of one recording share it."""
    families = {source.family: len(source.classes) for source in sources if len(source.classes) > 1}
    return nn.ModuleDict({_key(family): nn.Linear(dim, classes) for family, classes in families.items()})


def _key(family: str) -> str:
    return family.replace(".", "_")


def _label_loss(features: Tensor, labels: list[tuple[str, Tensor]], heads: nn.ModuleDict) -> Tensor:
    """Mean cross-entropy over the clips that have a class; zero if none has."""
    losses = [features.sum() * 0]
    count = start = 0
    for family, classes in labels:
        rows = features[start : start + len(classes)]
        start += len(classes)
        known = classes >= 0
        if _key(family) in heads and bool(known.any()):
            scores = heads[_key(family)](rows[known])
            losses.append(F.cross_entropy(scores, classes[known], reduction="sum", label_smoothing=LABEL_SMOOTHING))
            count += int(known.sum())
    return torch.stack(losses).sum() / max(count, 1)


def _groups(parameters: list[nn.Parameter], weight_decay: float) -> list[dict[str, object]]:
    return [
        {"params": [each for each in parameters if each.dim() > 1], "weight_decay": weight_decay},
        {"params": [each for each in parameters if each.dim() <= 1], "weight_decay": 0.0},
    ]


def _cosine(step: int, steps: int, warmup: float) -> float:
    """Share of the peak learning rate: a straight rise, then half a cosine down to zero."""
    rise = max(1, round(steps * warmup))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


class _Log:
    """Write the course of a run as JSON lines; count steps that had to be skipped."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.path.write_text("")
        self.started = time.monotonic()
        self.skipped = 0
        self.bad_run = 0

    def healthy(self, loss: Tensor, norm: Tensor) -> bool:
        """Say whether a step may be taken; give up after many bad ones in a row."""
        good = bool(torch.isfinite(loss) & torch.isfinite(norm))
        self.bad_run = 0 if good else self.bad_run + 1
        self.skipped += not good
        if self.bad_run >= LONGEST_BAD_RUN:
            raise TrainingError(
                f"loss {loss.item():g} and gradient norm {norm.item():g} for {self.bad_run} steps in a row",
                expected="finite numbers",
                remedy="a lower learning_rate",
            )
        return good

    def write(self, *, step: int, **values: Tensor) -> None:
        """Append one line."""
        numbers = {name: round(value.item(), 5) for name, value in values.items()}
        line = {"step": step, "seconds": round(time.monotonic() - self.started, 1), **numbers, "skipped": self.skipped}
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        logger.info("step %d: %s", step, numbers)
