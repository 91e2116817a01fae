"""CUDA graphs: what a network does to so many persons is recorded once, and launched as one from then on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Protocol

import torch
from einops import rearrange
from torch import Tensor

from msclr.models.base import PersonVectors
from msclr.models.dense import DenseEncoder
from msclr.poses.transfer import to_device

if TYPE_CHECKING:
    from msclr.models.encoder import MultiSkeletonEncoder
    from msclr.poses.batch import PoseBatch
    from msclr.skeletons.spec import SkeletonSpec

MOST_PERSONS = 64  # of a recording; more are several
MOST_RECORDINGS = 256
WARM_UPS = 3  # before a recording, so that libraries have chosen how to compute


class Recording(Protocol):
    """A function of tensors of fixed sizes, which `play` computes anew of what has been written into its inputs."""

    inputs: Sequence[Tensor]

    def play(self) -> Tensor:
        """Return what the function gives, in memory that the next `play` of any recording may overwrite."""


class Record(Protocol):
    """What makes a recording, beside another one if there is one."""

    def __call__(
        self, function: Callable[..., Tensor], inputs: Sequence[Tensor], beside: Recording | None = None
    ) -> Recording:
        """Record a function of tensors."""


class CudaGraph:
    """A recording by a CUDA graph.

    Args:
        function: Takes and makes tensors on one GPU only, and asks for no number of them.
        inputs: Its arguments.
        beside: Another recording, never played at the same time; both work in the same memory.
    """

    def __init__(
        self, function: Callable[..., Tensor], inputs: Sequence[Tensor], beside: Recording | None = None
    ) -> None:
        self.inputs = inputs
        self._graph: torch.cuda.CUDAGraph = torch.cuda.CUDAGraph()
        pool = beside._graph.pool() if isinstance(beside, CudaGraph) else None
        with torch.cuda.device(inputs[0].device):
            aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                for _ in range(WARM_UPS):
                    function(*inputs)
            torch.cuda.current_stream().wait_stream(aside)
            with torch.cuda.graph(self._graph, pool=pool, capture_error_mode="thread_local"):
                self._output = function(*inputs)

    def play(self) -> Tensor:
        """Launch the graph."""
        self._graph.replay()
        return self._output


class Recordings:
    """The recordings of an encoder: one for each convention, power of two of persons, number of frames, and precision.

    They read the weights where these are, so a change in place counts; when weights are elsewhere than they were, all
    are made anew. They are part of no copy and no file of the encoder.

    Args:
        record: What makes one.
    """

    def __init__(self, record: Record = CudaGraph) -> None:
        self._record = record
        self._weights: list[Tensor] = []
        self._kept: dict[tuple[object, ...], Recording] = {}

    def __deepcopy__(self, memo: object) -> Recordings:
        return Recordings(self._record)

    def __reduce__(self) -> tuple[type[Recordings], tuple[()]]:
        return Recordings, ()

    def __len__(self) -> int:
        return len(self._kept)

    def serve(self, encoder: MultiSkeletonEncoder, batch: PoseBatch) -> bool:
        """Tell whether a batch is one for them: on a GPU, in float32, without gradients, in evaluation mode."""
        ours = batch.positions.device.type == "cuda" and batch.positions.dtype == torch.float32
        return ours and not (encoder.training or torch.is_grad_enabled() or torch.compiler.is_compiling())

    @torch.inference_mode(False)
    @torch.no_grad()
    def persons(self, encoder: MultiSkeletonEncoder, batch: PoseBatch) -> PersonVectors:
        """Return one vector for each person, as `encoder.persons` does.

        Args:
            encoder: The encoder that these recordings are of, in evaluation mode.
            batch: Packed clips as `prepare` makes them, on the encoder's device.
        """
        weights = [*encoder.parameters(), *encoder.buffers()]
        if [each.data_ptr() for each in weights] != [each.data_ptr() for each in self._weights]:
            # What is detached keeps the memory from being given to others, so that its address says whose it is.
            self._weights, self._kept = [each.detach() for each in weights], {}
        vectors = [batch.positions.new_zeros(0, encoder.dim, dtype=torch.float32)]
        for group in batch.groups:
            positions = rearrange(batch.positions[group.rows], "(m j) t c -> m 1 t j c", m=group.persons)
            valid = rearrange(batch.valid[group.rows], "(m j) t -> m 1 t j", m=group.persons)
            parts = (torch.split(each, MOST_PERSONS) for each in (positions, valid, batch.flat[group.members]))
            vectors += [self._played(encoder, group.skeleton, part) for part in zip(*parts, strict=True)]
        return PersonVectors.of(torch.cat(vectors), batch)

    def _played(self, encoder: MultiSkeletonEncoder, skeleton: SkeletonSpec, persons: Sequence[Tensor]) -> Tensor:
        """Vectors [m, dim] of persons of one convention: positions [m, 1, t, j, 3], valid [m, 1, t, j], flat [m]."""
        count, frames, kind = len(persons[0]), persons[0].shape[2], persons[0].device.type
        lower = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None
        places = 1 << (count - 1).bit_length()
        key = skeleton, places, frames, lower
        recording = self._kept.pop(key, None)
        if recording is None:
            if len(self._kept) >= MOST_RECORDINGS:
                del self._kept[next(iter(self._kept))]
            inputs = [each.new_zeros(places, *each.shape[1:]) for each in persons]
            network = _network(encoder, skeleton, inputs[0].device, lower)
            recording = self._record(network, inputs, next(iter(self._kept.values()), None))
        self._kept[key] = recording  # at the end, among those used last
        for inside, each in zip(recording.inputs, persons, strict=True):
            inside[:count].copy_(each)  # persons of an earlier batch may follow; nobody looks at what comes of them
        return recording.play()[:count, 0].clone()


def _network(
    encoder: MultiSkeletonEncoder, skeleton: SkeletonSpec, device: torch.device, lower: torch.dtype | None
) -> Callable[..., Tensor]:
    """What is recorded: from persons of a convention to their vectors [m, 1, dim]."""
    dense = DenseEncoder(encoder)
    tables = [to_device(table, device) for table in dense.tables(skeleton)]

    def network(*persons: Tensor) -> Tensor:
        # What autocast keeps of weights would be gone when it is played.
        with nullcontext() if lower is None else torch.autocast(device.type, lower, cache_enabled=False):
            vectors: Tensor = dense(*persons, *tables)[1]
        return vectors

    return network
