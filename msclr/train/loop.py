"""The pretraining loop, the same for every method."""

from __future__ import annotations

from pathlib import Path
from signal import Signals

import torch
from torch import nn

from msclr.errors import TrainingStoppedError
from msclr.hub.save import save_pretrained
from msclr.models.base import PoseEncoder
from msclr.train.card import model_card
from msclr.train.checkpoint import Checkpoints
from msclr.train.config import TrainConfig
from msclr.train.course import Course
from msclr.train.health import Health
from msclr.train.identity import Identity
from msclr.train.lock import held
from msclr.train.method import Batch, Method
from msclr.train.methods.build import build_method, published_card
from msclr.train.runs import RunConfig
from msclr.train.state import RunState
from msclr.train.stopping import stop_requests
from msclr.train.universal import Universal

LOG_EVERY = 50


def pretrain(
    config: RunConfig,
    data: Path,
    output: Path,
    *,
    device: str | None = None,
    progress: bool = True,
    fresh: bool = False,
) -> dict[str, PoseEncoder]:
    """Pretrain an encoder on recordings in one or several joint conventions and write it as a model folder.

    A run that was stopped, or killed at any instant, goes on from its newest checkpoint when it is started again, to
    the same weights that it would have had, bit for bit, on the same hardware, versions and number of threads.

    Args:
        config: The run; see `msclr.train.runs.load_run`.
        data: Folder that the files of the run are relative to.
        output: Folder to write the model to; the log goes beside it, to OUTPUT.pretrain.jsonl, and the newest two
            checkpoints to OUTPUT.checkpoints. Systems with several encoders (streams, representations) write each to
            a folder in it.
        device: "cpu", "cuda", ...; by default CUDA where there is one.
        progress: Show a progress bar.
        fresh: Start over: remove the checkpoints of an earlier run with this output.

    Returns:
        The trained encoders in evaluation mode by name; a single one has the name "encoder".

    Raises:
        MissingFileError: If a file of the run is missing.
        ConfigError: If the clips or the encoders do not fit the method, or the checkpoints are of another run.
        TrainingError: If the loss is not finite for many steps in a row, no checkpoint can be read, or another process
            trains into the same output.
        TrainingStoppedError: If the process gets SIGINT or SIGTERM; there is a checkpoint then.
    """
    if isinstance(config, TrainConfig):
        universal = Universal(config, data)
        _train(universal, config, output, device=device, progress=progress, fresh=fresh)
        encoders = universal.trained()
        cards = {"encoder": model_card(config)}
    else:
        method = build_method(config, data)
        _train(method, config, output, device=device, progress=progress, fresh=fresh)
        encoders = method.trained()
        cards = {name: published_card(config, name, encoder.config) for name, encoder in encoders.items()}
    for name, encoder in encoders.items():
        title, place = (config.name, output) if len(encoders) == 1 else (f"{config.name}-{name}", output / name)
        save_pretrained(encoder.eval(), place, name=title, licence=config.licence, card=cards[name])
    return encoders


def _train(
    method: Method[Batch], config: RunConfig, output: Path, *, device: str | None, progress: bool, fresh: bool
) -> None:
    """Run all updates, with log and checkpoints beside the output."""
    checkpoints = Checkpoints(
        output.with_name(output.name + ".checkpoints"),
        every=config.checkpoint_every,
        identity=Identity.of(config, method.fingerprint()),
    )
    log = output.with_name(output.name + ".pretrain.jsonl")
    with held(checkpoints.folder):
        if fresh:
            checkpoints.clear()
        optimize(method, log, checkpoints=checkpoints, device=device, progress=progress)


def optimize(
    method: Method[Batch],
    log: Path,
    *,
    checkpoints: Checkpoints | None = None,
    device: str | None = None,
    progress: bool = True,
) -> None:
    """Run all updates of a method; its course is written to `log` as JSON lines.

    Args:
        method: What is trained; it is moved to the device and changed in place.
        log: The file to write.
        checkpoints: Where the run goes on from, if there are any, and what it leaves; None for neither.
        device, progress: See `pretrain`.

    Raises:
        ConfigError: If the checkpoints are of another run.
        TrainingError: If the loss is not finite for many steps in a row, or no checkpoint can be read.
        TrainingStoppedError: If the process gets SIGINT or SIGTERM.
    """
    from tqdm import tqdm

    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    method.to(place).train()
    optimizer = method.optimizer()
    parameters = [parameter for parameter in method.parameters() if parameter.requires_grad]
    course, health = Course(log), Health()
    state = RunState(method, optimizer, course, health, place)
    with torch.random.fork_rng(), stop_requests() as request:
        torch.manual_seed(method.seed)
        start = checkpoints.resume(state) if checkpoints else 0
        course.begin(start)
        title = f"pretrain, from step {start:,}" if start else "pretrain"
        batches = method.batches(place, start)
        bar = tqdm(batches, desc=title, unit="step", total=method.steps, initial=start, disable=not progress)
        for step, batch in enumerate(bar, start):
            outcome = method.loss(batch, step)
            for group in optimizer.param_groups:
                group["lr"] = method.learning_rate(step)
            optimizer.zero_grad(set_to_none=True)
            outcome.total.backward()  # type: ignore[no-untyped-call]  # torch has no type here
            norm = nn.utils.clip_grad_norm_(parameters, method.gradient_norm or torch.inf)
            if health.allows(outcome, norm):
                optimizer.step()
                method.after_update(step)
            else:
                health.check(step, outcome, norm, method, method.clip_names(batch))
            last, stop = step == method.steps - 1, request.signal
            if step % LOG_EVERY == 0 or last:
                course.write(step=step, skipped=health.skipped, loss=outcome.total, **outcome.terms)
            if checkpoints and ((step + 1) % checkpoints.every == 0 or last or stop):
                course.flush()
                checkpoints.save(state, step + 1)
            if stop and not last:
                raise _interrupted(stop, step + 1, checkpoints)


def _interrupted(stop: Signals, done: int, checkpoints: Checkpoints | None) -> TrainingStoppedError:
    newest = checkpoints.newest() if checkpoints else None
    error = TrainingStoppedError(
        f"stopped by {stop.name} after {done} updates; "
        + (f"the newest checkpoint has {newest.step}" if newest else "there is no checkpoint"),
        remedy="the same command again; it goes on from there" if newest else None,
    )
    error.signal = stop
    return error
