"""The pretraining loop, the same for every method."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from signal import Signals

from msclr.collectives import largest, rank, world_size
from msclr.errors import TrainingStoppedError
from msclr.hub.save import save_pretrained
from msclr.models.base import PoseEncoder
from msclr.train.card import model_card
from msclr.train.checkpoint import Checkpoints
from msclr.train.config import TrainConfig
from msclr.train.course import Course
from msclr.train.engine import Engine, started
from msclr.train.health import Health
from msclr.train.identity import Identity
from msclr.train.lock import held
from msclr.train.method import Batch, Method
from msclr.train.methods.build import build_method, published_card
from msclr.train.runs import RunConfig, clips_of_a_batch
from msclr.train.runtime import RuntimeConfig
from msclr.train.state import RunState
from msclr.train.stopping import stop_requests
from msclr.train.universal import Universal
from msclr.train.watch.build import watched
from msclr.train.watch.watch import Watch


def pretrain(
    config: RunConfig,
    data: Path | str,
    output: Path | str | None = None,
    *,
    device: str | None = None,
    progress: bool = True,
    fresh: bool = False,
) -> dict[str, PoseEncoder]:
    """Pretrain an encoder on recordings in one or several joint conventions and write it as a model folder.

    A run that was stopped, or killed at any instant, goes on from its newest checkpoint when it is started again, to
    the same weights that it would have had, bit for bit, on the same hardware, versions and number of threads.

    Started by `torchrun` or `accelerate launch`, the processes share every batch. Then all of them must be able to read
    data and output; the first one writes.

    Args:
        config: The run; see `msclr.train.load_run`.
        data: Folder that the files of the run are relative to.
        output: Folder to write the model to, by default one of the run's name; beside it go the settings
            (OUTPUT.run.yaml), the log (OUTPUT.pretrain.jsonl), the newest two checkpoints (OUTPUT.checkpoints) and in
            the end the report (OUTPUT.report.json and .png). Systems with several encoders (streams, representations)
            write each to a folder in it.
        device: "cpu", "cuda", ...; by default CUDA where there is one.
        progress: Show a progress bar.
        fresh: Start over: remove the checkpoints of an earlier run with this output.

    Returns:
        The trained encoders in evaluation mode by name; a single one has the name "encoder".

    Raises:
        MissingFileError: If a file of the run is missing.
        MissingExtraError: If the run needs Accelerate and it is not installed.
        ConfigError: If the clips or the encoders do not fit the method, or the checkpoints are of another run.
        TrainingError: If the loss is not finite for many steps in a row, no checkpoint can be read, another run trains
            into the same output, or another process of this run has ended.
        TrainingStoppedError: If a process gets SIGINT or SIGTERM; there is a checkpoint then.
    """
    output = Path(config.name if output is None else output)
    with started(config.runtime, device) as engine:
        if isinstance(config, TrainConfig):
            universal = Universal(config, Path(data))
            _train(universal, config, Path(data), output, engine, progress=progress, fresh=fresh)
            encoders = universal.trained()
            cards = {"encoder": model_card(config)}
        else:
            method = build_method(config, Path(data))
            _train(method, config, Path(data), output, engine, progress=progress, fresh=fresh)
            encoders = method.trained()
            cards = {name: published_card(config, name, encoder.config) for name, encoder in encoders.items()}
        for name, encoder in encoders.items():
            encoder.eval()
            title, place = (config.name, output) if len(encoders) == 1 else (f"{config.name}-{name}", output / name)
            if rank() == 0:
                save_pretrained(encoder, place, name=title, licence=config.licence, card=cards[name])
    return encoders


def _train(
    method: Method[Batch], config: RunConfig, data: Path, output: Path, engine: Engine, *, progress: bool, fresh: bool
) -> None:
    """Run all updates, with log, checkpoints and report beside the output."""
    checkpoints = Checkpoints(
        output.with_name(output.name + ".checkpoints"),
        every=config.checkpoint_every,
        identity=Identity.of(config, method.fingerprint()),
    )
    log = output.with_name(output.name + ".pretrain.jsonl")
    watching = watched(
        config,
        method,
        Course(log),
        data=data,
        output=output,
        clips=clips_of_a_batch(config),
        fingerprint=checkpoints.identity.data,
        progress=progress,
    )
    with held(checkpoints.folder) if rank() == 0 else nullcontext(), watching as watch:
        if fresh:
            checkpoints.clear()
        optimize(method, watch, engine, checkpoints=checkpoints)
        method.finish()


def optimize(
    method: Method[Batch], watch: Watch, engine: Engine | None = None, *, checkpoints: Checkpoints | None = None
) -> None:
    """Run all updates of a method.

    Args:
        method: What is trained; it is moved to the device and changed in place.
        watch: What is told of the updates, and tells the log and others.
        engine: What computes it; by default a single process on the CPU.
        checkpoints: Where the run goes on from, if there are any, and what it leaves; None for neither.

    Raises:
        ConfigError: If the checkpoints are of another run.
        TrainingError: If the loss is not finite for many steps in a row, or no checkpoint can be read.
        TrainingStoppedError: If a process gets SIGINT or SIGTERM.
    """
    engine = engine or Engine(RuntimeConfig(), "cpu")
    first, sums = rank() == 0, engine.config.accumulate
    model = engine.prepare(method)
    optimizer = method.optimizer(fused=not engine.host_decides)
    parameters = [parameter for parameter in method.parameters() if parameter.requires_grad]
    health = Health(engine.device)
    state = RunState(method, optimizer, watch.course, health, engine)
    with engine.seeded(method.seed + rank()), stop_requests() as request:
        start = checkpoints.resume(state) if checkpoints else 0
        if first:
            watch.begin(start)
        batches = method.batches(engine.device, start)
        for step, batch in enumerate(watch.progress(batches), start):
            done, last = step + 1, step == method.steps - 1
            complete = done % sums == 0 or last
            if step % sums == 0:
                optimizer.zero_grad(set_to_none=True)
            with engine.summing(model, complete):
                with engine.autocast():
                    outcome = model(batch, step)
                engine.backward(outcome.total / sums)
            if not complete:
                continue
            for group in optimizer.param_groups:
                group["lr"] = method.learning_rate(step)
            norm = engine.norm(optimizer, parameters, method.gradient_norm)
            if engine.step(optimizer, health.allows(outcome, norm)):
                method.after_update(step)
            seen = watch.sees(step, sums)
            looks = seen or engine.host_decides  # a GPU is not waited for in between
            if looks and health.in_a_row:
                health.check(step, outcome, norm, method, method.clip_names(batch))
            if seen and first:
                watch.log(step, outcome, norm, skipped=health.skipped)
            stop = largest(request.signal or 0) if looks or world_size() == 1 else 0
            if checkpoints and (done % checkpoints.every < sums or last or stop):
                watch.course.flush()
                checkpoints.save(state, done)
            if stop and not last:
                raise _interrupted(Signals(stop), done, checkpoints)


def _interrupted(stop: Signals, done: int, checkpoints: Checkpoints | None) -> TrainingStoppedError:
    newest = checkpoints.newest() if checkpoints else None
    error = TrainingStoppedError(
        f"stopped by {stop.name} after {done} updates; "
        + (f"the newest checkpoint has {newest.step}" if newest else "there is no checkpoint"),
        remedy="the same command again; it goes on from there" if newest else None,
    )
    error.signal = stop
    return error
