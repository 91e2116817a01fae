"""Half precision as a GPU computes it: what it sums and takes logarithms of comes out in float32, on a CPU does not."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from training_runs import RUNS, tiny_run

from msclr.models import per_skeleton
from msclr.train.methods.build import build_method
from msclr.train.universal import Universal

# AT_FORALL_FP32_SET_OPT_DTYPE and AT_FORALL_FP32 of ATen/autocast_mode.h, as far as anything here may call them.
IN_FLOAT = {"sum", "prod", "softmax", "log_softmax", "cumsum", "cumprod"}
OF_FLOAT = {
    "exp",
    "log",
    "log1p",
    "reciprocal",
    "rsqrt",
    "pow",
    "__pow__",
    "square",
    "logsumexp",
    "cross_entropy",
    "norm",
}


class OfGpu(TorchFunctionMode):
    """Let autocast on the CPU give the types that it gives on CUDA."""

    def __init__(self) -> None:
        super().__init__()
        self.met: set[str] = set()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs, name = dict(kwargs or {}), getattr(func, "__name__", "")
        halves = [isinstance(each, Tensor) and each.dtype == torch.bfloat16 for each in args]
        if torch.is_autocast_enabled("cpu") and any(halves) and name in IN_FLOAT | OF_FLOAT:
            self.met.add(name)
            if name in IN_FLOAT:
                kwargs.setdefault("dtype", torch.float32)
            else:
                args = [each.float() if half else each for each, half in zip(args, halves, strict=True)]
        return func(*args, **kwargs)


@pytest.mark.parametrize("name", [*RUNS, "universal"])
def test_every_method_bears_the_types_of_half_precision_on_a_gpu(training_folder, monkeypatch, name):
    monkeypatch.setattr(per_skeleton, "STRIDES", (1, 2, 2))
    config = tiny_run(name, **({} if name in ("isc", "universal") else {"encoders.0.hidden": 8}))
    method = Universal(config, training_folder) if name == "universal" else build_method(config, training_folder)
    batch, found = next(method.batches(torch.device("cpu"))), []
    for half in (False, True):
        one = copy.deepcopy(method).train()
        torch.manual_seed(0)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half), OfGpu() as gpu:
            found.append(one(batch, 0).total)
    assert gpu.met >= ({"softmax"} if name == "isc" else {"sum"})
    found[1].backward()
    assert all(each.grad.isfinite().all() for each in one.parameters() if each.grad is not None)
    torch.testing.assert_close(found[1], found[0], rtol=0.05, atol=0.02)
