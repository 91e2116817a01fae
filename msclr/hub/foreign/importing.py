"""From a published checkpoint to an encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike

import torch
from torch import Tensor, nn

from msclr.errors import ConfigError, ModelError
from msclr.hub.foreign import contrast, stgcn
from msclr.hub.foreign.checkpoint import Checkpoint, read_checkpoint
from msclr.hub.foreign.families import HABITS, Family, recognise
from msclr.hub.foreign.formats import Format, formats_of
from msclr.hub.foreign.heads import head_of, is_head
from msclr.hub.foreign.report import ImportReport, KeyUse, Use
from msclr.hub.weights import weights_of
from msclr.io.guard import to_path
from msclr.models.base import PoseEncoder
from msclr.models.build import build_encoder
from msclr.models.config import ModelConfig, PerSkeletonConfig
from msclr.poses.streams import Stream

_STREAM_PREFIX: Mapping[Stream, str] = {
    "joint": "encoder_q.",
    "motion": "encoder_q_motion.",
    "bone": "encoder_q_bone.",
}
_KEY_ENCODERS = ("encoder_k", "encoder_l.")
_SHOWN = 5


@dataclass(frozen=True, eq=False)
class Imported:
    """What was made of a checkpoint.

    Args:
        encoder: The encoder, in evaluation mode.
        head: Its head, in evaluation mode, or None; a model folder does not hold it.
        report: What became of every key.
    """

    encoder: PoseEncoder
    head: nn.Module | None
    report: ImportReport


@dataclass(frozen=True)
class _Converted:
    config: ModelConfig
    tensors: dict[str, Tensor]
    used: dict[str, str]
    formats: tuple[Format, ...] = ()
    left_out: tuple[str, ...] = ()


def import_checkpoint(
    path: str | PathLike[str],
    *,
    family: Family | None = None,
    stream: Stream = "joint",
    formats: Sequence[str] = (),
    allow_pickle: bool = False,
) -> Imported:
    """Make an encoder of a checkpoint of a published system.

    The encoder does what the published one does in evaluation: absent persons are averaged, and the graph is that of
    the checkpoint.

    Args:
        path: A file that `torch.save` wrote: a state dict, or one under "state_dict" or "model_state_dict".
        family: Where it is from; by default told from its keys, and checked against them if given.
        stream: What the weights were trained on; of CrosSCLR, which has all three, the one to take.
        formats: Formats to take, as named in the checkpoint or by the id of their convention, all by default; for
            inter-skeleton contrast "sequence", "graph" or "image", by default what its first encoder is.
        allow_pickle: Let the file run whatever is in it, as pickles do. Only for files of people you trust with your
            computer.

    Raises:
        MissingFileError: If there is no such file.
        MissingExtraError: If torch is older than 2.10.
        ModelError: If the file is damaged, has more in it than tensors, or is not of the family's layout.
        ConfigError: If an argument contradicts the checkpoint, or the joint convention has to be told.
    """
    if stream not in _STREAM_PREFIX:
        raise ConfigError(f"stream {stream!r}", expected="'joint', 'motion' or 'bone'")
    checkpoint = read_checkpoint(to_path(path), allow_pickle=allow_pickle)
    found = recognise(checkpoint.tensors, family, checkpoint.where)
    prefix = _prefix(checkpoint, found, stream, formats)
    own = {name.removeprefix(prefix): value for name, value in checkpoint.tensors.items() if name.startswith(prefix)}
    if found == "isc":
        made = _contrast(own, stream, checkpoint.where)
    else:
        made = _stgcn(own, found, stream, formats, checkpoint.where)
    encoder = _filled(made, checkpoint.where)
    keys = tuple(
        KeyUse(name, tuple(value.shape), *_fate(name, prefix, made)) for name, value in checkpoint.tensors.items()
    )
    unknown = [each.key for each in keys if each.use == "unknown" and each.key.startswith(prefix) and prefix]
    if unknown:
        raise ModelError(
            f"{len(unknown)} tensors of the encoder have no place: {', '.join(unknown[:_SHOWN])}",
            where=checkpoint.where,
            expected=f"the published layout of {found}",
        )
    skeletons = tuple(each.skeleton.id for each in made.formats) or ("kinect_v2_25",)
    notes = [HABITS[found].note] if found in HABITS and HABITS[found].note else []
    if family is None and found == "skeletonclr":
        notes.append("AimCLR has the same layout and preparation; --family aimclr names it so")
    report = ImportReport(found, stream, skeletons, keys, checkpoint.other, tuple(notes))
    head = None if found == "isc" else head_of(own, made.formats, checkpoint.where)
    return Imported(encoder, head, report)


def _prefix(checkpoint: Checkpoint, family: Family, stream: Stream, formats: Sequence[str]) -> str:
    starts = {name.split(".", 1)[0] + "." for name in checkpoint.tensors}
    if family == "crosclr":
        prefix = _STREAM_PREFIX[stream]
        if prefix not in starts:
            streams = [name for name, each in _STREAM_PREFIX.items() if each in starts]
            raise ModelError(f"no {stream} stream", where=checkpoint.where, expected=" or ".join(streams))
        return prefix
    if family != "isc":
        return "encoder_q." if "encoder_q." in starts else ""
    prefixes: list[str] = [each for each in ("encoder_q.", "encoder_r.") if each in starts]
    kinds: dict[contrast.Representation | None, str] = {}
    for each in prefixes or [""]:
        own = {name.removeprefix(each): value for name, value in checkpoint.tensors.items() if name.startswith(each)}
        kinds[contrast.representation_of(own)] = each
    wanted = formats[0] if formats else next(iter(kinds))
    for kind, prefix in kinds.items():
        if kind is not None and kind == wanted:
            return prefix
    there = [kind for kind in kinds if kind is not None]
    raise ModelError(
        f"no {wanted or 'encoder of a known'} representation", where=checkpoint.where, expected=" or ".join(there)
    )


def _contrast(own: Mapping[str, Tensor], stream: Stream, where: str) -> _Converted:
    if stream != "joint":
        raise ConfigError(
            f"the {stream} stream of inter-skeleton contrast", expected="the joint stream, it has no other"
        )
    kind = contrast.representation_of(own)
    if kind is None:
        raise ModelError("no encoder of inter-skeleton contrast", where=where, expected="its published layout")
    config = contrast.config_of(own, kind, "kinect_v2_25", where)
    return _Converted(config, *contrast.convert(own, kind, config, where))


def _stgcn(own: Mapping[str, Tensor], family: Family, stream: Stream, wanted: Sequence[str], where: str) -> _Converted:
    formats, left_out = formats_of(own, wanted, where)
    widths = stgcn.widths_of(own, formats, where)
    habits = HABITS[family]
    config = PerSkeletonConfig(
        skeletons=tuple(each.skeleton.id for each in formats),
        hidden=widths.hidden,
        dim=widths.dim,
        temporal_kernel=widths.kernel,
        edge_importance=widths.edge_importance,
        partition="inward_outward" if family == "skelemixclr" else "spatial",
        legacy_pooling=True,
        stream=stream,
        preparation=habits.preparation,
        frames=habits.frames,
    )
    return _Converted(config, *stgcn.convert(own, formats, where), tuple(formats), tuple(left_out))


def _filled(made: _Converted, where: str) -> PoseEncoder:
    with torch.random.fork_rng(devices=[]):  # importing a model must not change anybody's random numbers
        encoder = build_encoder(made.config)
    expected = weights_of(encoder)
    # The fixed graph of 2s-AGCN is in no checkpoint.
    tensors = {name: value for name, value in expected.items() if name.endswith(".graph.adjacency")} | made.tensors
    source = {target: key for key, target in made.used.items()}
    for name, value in expected.items():
        if name not in tensors or tensors[name].shape != value.shape:
            found = f"is {list(tensors[name].shape)}" if name in tensors else "is missing"
            raise ModelError(
                f"{source.get(name, name)} {found} where {made.config.summary()} asks for {list(value.shape)}",
                where=where,
                expected="tensors of the published layout",
            )
        if not torch.isfinite(tensors[name]).all():
            raise ModelError(
                f"NaN or infinite values in {source.get(name, name)}", where=where, expected="finite weights"
            )
    further = sorted(source[name] for name in tensors.keys() - expected.keys())
    if further:
        raise ModelError(
            f"tensors that such an encoder does not have: {', '.join(further[:_SHOWN])}",
            where=where,
            expected=f"those of {made.config.summary()}",
        )
    encoder.load_state_dict(encoder.state_dict() | tensors, strict=True)
    return encoder.eval()


def _fate(name: str, prefix: str, made: _Converted) -> tuple[Use, str]:
    if name.lower().startswith("queue"):
        return "queue", ""
    if not name.startswith(prefix):
        return (
            "key encoder" if name.startswith(_KEY_ENCODERS) else "other encoder" if "encoder_" in name else "unknown"
        ), ""
    own = name.removeprefix(prefix)
    if own in made.used:
        return "encoder", made.used[own]
    if own.endswith("num_batches_tracked"):
        return "counter", ""
    if is_head(own):
        return "head", ""
    others = tuple(
        start for each in made.left_out for start in (f"A_{each}", f"data_bn.{each}.", f"edge_importance.{each}.")
    )
    return ("other format" if others and own.startswith(others) else "unknown"), ""
