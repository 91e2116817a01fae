"""RuntimeConfig: how a run is computed, apart from what it computes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class RuntimeConfig(BaseModel):
    """Precision, accumulation and compilation of a run; they change the last bits of the weights, or more of them.

    Args:
        precision: Of activations. "bf16" and "fp16" need the extra `train`, "fp16" a GPU, too; weights, statistics,
            losses and queue stay in float32.
        accumulate: Batches whose gradients are summed up before an update is made; the schedule counts batches.
        compile: Let `torch.compile` translate the blocks of graph encoders; on a CPU it does not pay.

    Example:
        >>> RuntimeConfig(precision="bf16").accumulate
        1
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    precision: Literal["float32", "bf16", "fp16"] = "float32"
    accumulate: Annotated[int, Field(ge=1, le=4096)] = 1
    compile: bool = False
