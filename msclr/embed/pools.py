"""Who does the shards: this process, several on this machine, or the actors of a Ray cluster."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from msclr.embed.shard import Shard, embed_shard
from msclr.errors import MissingExtraError
from msclr.skeletons import registry
from msclr.skeletons.spec import SkeletonSpec
from msclr.store.workers import Task, run_all

Pool: TypeAlias = Literal["processes", "ray"]


def run(shards: Sequence[Shard], pool: Pool, workers: int) -> Generator[int, None, None]:
    """Make shards, several at a time; yield the number of files of each as it is done.

    Raises:
        MissingExtraError: If Ray is asked for and not installed.
        StoreError: If a process ended without an answer.
    """
    if pool == "ray":
        yield from _run_on_ray(shards, workers)
    else:
        yield from run_all([Task(embed_shard, shard) for shard in shards], workers)


class ShardActor:
    """A Ray actor that embeds shards; it keeps the network from one to the next.

    Args:
        registered: Joint conventions that the caller has registered, as JSON.
    """

    def __init__(self, registered: Sequence[str]) -> None:
        for text in registered:
            registry.register_skeleton(SkeletonSpec.from_json(text), replace=True)

    def __call__(self, batch: Mapping[str, Sequence[Shard]]) -> dict[str, npt.NDArray[np.int64]]:
        """Make the shards of a batch; return the number of files of each."""
        return {"files": np.array([embed_shard(shard) for shard in batch["shard"]], dtype=np.int64)}


def _run_on_ray(shards: Sequence[Shard], workers: int) -> Generator[int, None, None]:
    try:
        import ray.data
    except ImportError:
        raise MissingExtraError(
            "Ray is not installed", expected="it, with Ray Data", remedy='pip install "msclr[ray]"'
        ) from None
    if not shards:
        return
    registered = [spec.to_json() for spec in registry.registered_skeletons()]
    todo = ray.data.from_items([{"shard": shard} for shard in shards], override_num_blocks=len(shards))
    done = todo.map_batches(
        ShardActor,
        fn_constructor_args=(registered,),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=min(workers, len(shards))),
        num_cpus=1,
    )
    for row in done.iter_rows():
        yield int(row["files"])
