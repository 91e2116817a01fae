"""The pretraining loop, the same for every method."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path

import torch
from torch import Tensor, nn

from msclr.errors import TrainingError
from msclr.hub.save import save_pretrained
from msclr.models.base import PoseEncoder
from msclr.train.card import model_card
from msclr.train.config import TrainConfig
from msclr.train.method import Batch, Method
from msclr.train.methods.build import build_method, published_card
from msclr.train.runs import RunConfig
from msclr.train.universal import Universal

logger = logging.getLogger(__name__)

LOG_EVERY = 50
LONGEST_BAD_RUN = 20


def pretrain(
    config: RunConfig, data: Path, output: Path, *, device: str | None = None, progress: bool = True
) -> dict[str, PoseEncoder]:
    """Pretrain an encoder on recordings in one or several joint conventions and write it as a model folder.

    Args:
        config: The run; see `msclr.train.runs.load_run`.
        data: Folder that the files of the run are relative to.
        output: Folder to write the model to; the log goes beside it, to OUTPUT.pretrain.jsonl. Systems with several
            encoders (streams, representations) write each to a folder in it.
        device: "cpu", "cuda", ...; by default CUDA where there is one.
        progress: Show a progress bar.

    Returns:
        The trained encoders in evaluation mode by name; a single one has the name "encoder".

    Raises:
        MissingFileError: If a file of the run is missing.
        ConfigError: If the clips or the encoders do not fit the method.
        TrainingError: If the loss is not finite for many steps in a row.
    """
    log = output.with_name(output.name + ".pretrain.jsonl")
    if isinstance(config, TrainConfig):
        universal = Universal(config, data)
        optimize(universal, log, device=device, progress=progress)
        encoders = universal.trained()
        cards = {"encoder": model_card(config)}
    else:
        method = build_method(config, data)
        optimize(method, log, device=device, progress=progress)
        encoders = method.trained()
        cards = {name: published_card(config, name) for name in encoders}
    for name, encoder in encoders.items():
        title, place = (config.name, output) if len(encoders) == 1 else (f"{config.name}-{name}", output / name)
        save_pretrained(encoder.eval(), place, name=title, licence=config.licence, card=cards[name])
    return encoders


def optimize(method: Method[Batch], log: Path, *, device: str | None = None, progress: bool = True) -> None:
    """Run all updates of a method; its course is written to `log` as JSON lines.

    Args:
        method: What is trained; it is moved to the device and changed in place.
        log: The file to write.
        device, progress: See `pretrain`.

    Raises:
        TrainingError: If the loss is not finite for many steps in a row.
    """
    from tqdm import tqdm

    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    method.to(place).train()
    optimizer = method.optimizer()
    parameters = [parameter for parameter in method.parameters() if parameter.requires_grad]
    course = _Course(log)
    batches = tqdm(method.batches(place), desc="pretrain", unit="step", total=method.steps, disable=not progress)
    with torch.random.fork_rng():
        torch.manual_seed(method.seed)
        for step, batch in enumerate(batches):
            outcome = method.loss(batch, step)
            for group in optimizer.param_groups:
                group["lr"] = method.learning_rate(step)
            optimizer.zero_grad(set_to_none=True)
            outcome.total.backward()  # type: ignore[no-untyped-call]  # torch has no type here
            norm = nn.utils.clip_grad_norm_(parameters, method.gradient_norm or torch.inf)
            if course.healthy(outcome.total, norm):
                optimizer.step()
                method.after_update(step)
            if step % LOG_EVERY == 0 or step == method.steps - 1:
                course.write(step=step, loss=outcome.total, **outcome.terms)


class _Course:
    """Write the course of a run as JSON lines; count steps that had to be skipped."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.path.write_text("")
        self.started = time.monotonic()
        self.skipped = 0
        self.bad_run = 0

    def healthy(self, loss: Tensor, norm: Tensor) -> bool:
        """Say whether an update may be made; give up after many bad ones in a row."""
        good = bool(torch.isfinite(loss) & torch.isfinite(norm))
        self.bad_run = 0 if good else self.bad_run + 1
        self.skipped += not good
        if self.bad_run >= LONGEST_BAD_RUN:
            raise TrainingError(
                f"loss {loss.item():g} and gradient norm {norm.item():g} for {self.bad_run} steps in a row",
                expected="finite numbers",
                remedy="a lower learning rate",
            )
        return good

    def write(self, *, step: int, **values: Tensor) -> None:
        """Append one line."""
        numbers = {name: round(value.item(), 5) for name, value in values.items()}
        line = {"step": step, "seconds": round(time.monotonic() - self.started, 1), **numbers, "skipped": self.skipped}
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        logger.info("step %d: %s", step, numbers)
