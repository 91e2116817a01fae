"""Everything that changes while a run goes on, as tensors and a little JSON, and back again."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from msclr.collectives import gather_rows, rank, world_size
from msclr.errors import FileFormatError, TrainingError
from msclr.strict_json import JsonValue
from msclr.train.course import Course
from msclr.train.engine import Engine
from msclr.train.health import Health
from msclr.train.method import Batch, Method

_MODEL, _OPTIMIZER, _RANDOM, _METHOD = "model/", "optimizer/", "random/", "method/"


class RunState:
    """The state of a run between two updates: weights, queue, optimiser, generators, counters.

    Args:
        method: What is trained, on the device.
        optimizer: Of its parameters.
        course: Its log.
        health: Its count of skipped updates.
        engine: What computes it.
    """

    def __init__(
        self,
        method: Method[Batch],
        optimizer: torch.optim.Optimizer,
        course: Course,
        health: Health,
        engine: Engine,
    ) -> None:
        self.method = method
        self.optimizer = optimizer
        self.course = course
        self.health = health
        self.engine = engine
        self.device = engine.device

    def tensors(self) -> dict[str, Tensor]:
        """Return all tensors by name, on the CPU, as copies; every process must call.

        Raises:
            TrainingError: If a weight or a moment of the optimiser is not finite: no checkpoint must have that.
        """
        found = {_MODEL + name: value for name, value in self.method.state_dict().items()}
        for index, values in self.optimizer.state_dict()["state"].items():
            found |= {f"{_OPTIMIZER}{index}/{name}": value for name, value in values.items() if torch.is_tensor(value)}
        bad = [name for name, value in found.items() if not bool(value.isfinite().all())]
        if bad:
            raise TrainingError(
                f"NaN or infinity in {', '.join(bad[:8])}",
                where="the state of the run",
                expected="finite numbers",
                remedy="a lower learning rate; the same command goes on from the newest checkpoint",
            )
        found |= {_RANDOM + name: _of_all(value) for name, value in self._own_random().items()}
        found |= {_RANDOM + _METHOD + name: value for name, value in self.method.random_state().items()}
        # Copies: safetensors takes no two tensors that share memory, as layers of some heads do.
        return {name: value.detach().to("cpu").contiguous().clone() for name, value in found.items()}

    def values(self) -> dict[str, JsonValue]:
        """Return what is no tensor."""
        numbers: dict[str, JsonValue] = {
            f"{index}/{name}": value
            for index, values in self.optimizer.state_dict()["state"].items()
            for name, value in values.items()
            if not torch.is_tensor(value)
        }
        return {
            "optimizer": numbers,
            "seconds": round(self.course.elapsed(), 3),
            "skipped": self.health.skipped,
            "skipped_in_a_row": self.health.in_a_row,
            "scaler": self.engine.values(),
        }

    def restore(self, tensors: Mapping[str, Tensor], values: Mapping[str, JsonValue], *, where: str) -> None:
        """Bring the run into a state that was captured.

        Args:
            tensors, values: As returned by `tensors` and `values`.
            where: Their place, for messages.

        Raises:
            FileFormatError: If they do not fit the run; nothing has been changed then but perhaps generators.
        """
        weights = _below(tensors, _MODEL)
        _check_weights(weights, self.method.state_dict(), where)
        states = _below(tensors, _RANDOM)
        _check_random(_below(states, _METHOD), self.method.random_state(), where)
        moments, numbers = _below(tensors, _OPTIMIZER), values.get("optimizer")
        optimizer: dict[int, dict[str, object]] = {}
        for name, value in {**moments, **(numbers if isinstance(numbers, dict) else {})}.items():
            index, _, entry = name.partition("/")
            optimizer.setdefault(int(index), {})[entry] = value
        self.method.set_random_state(_below(states, _METHOD))
        self._restore_own(states)
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": optimizer, "param_groups": groups})
        self.method.load_state_dict(weights)
        self.course.seconds = _number(values, "seconds", where)
        skipped, in_a_row = (int(_number(values, name, where)) for name in ("skipped", "skipped_in_a_row"))
        self.health.restore(skipped, in_a_row)
        scaler = values.get("scaler")
        self.engine.restore(scaler if isinstance(scaler, dict) else {})

    def _own_random(self) -> dict[str, Tensor]:
        """The generators of layers such as dropout, which are others on every process."""
        found = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            found["cuda"] = torch.cuda.get_rng_state(self.device)
        return found

    def _restore_own(self, states: Mapping[str, Tensor]) -> None:
        """Go back to this process's generators; one that was not there before keeps those it started with."""
        own = {name: _of_this(states[name]) for name in ("cpu", "cuda") if name in states}
        if (cpu := own.get("cpu")) is not None:
            torch.set_rng_state(cpu)
        if self.device.type == "cuda" and (cuda := own.get("cuda")) is not None:
            torch.cuda.set_rng_state(cuda, self.device)


def _of_all(state: Tensor) -> Tensor:
    """The states of a generator on all processes [ranks, n]; in a single process its state [n]."""
    return state if world_size() == 1 else gather_rows(state[None])


def _of_this(states: Tensor) -> Tensor | None:
    rows = states if states.dim() == 2 else states[None]
    return rows[rank()].clone() if rank() < len(rows) else None


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _check_weights(found: Mapping[str, Tensor], expected: Mapping[str, Tensor], where: str) -> None:
    wrong = [f"missing {name}" for name in expected if name not in found]
    wrong += [f"unknown {name}" for name in found if name not in expected]
    wrong += [
        f"{name} is {value.dtype} {list(value.shape)}, not {expected[name].dtype} {list(expected[name].shape)}"
        for name, value in found.items()
        if name in expected and (value.shape, value.dtype) != (expected[name].shape, expected[name].dtype)
    ]
    if wrong:
        raise FileFormatError(
            "weights of another network: " + "; ".join(wrong[:8]),
            where=where,
            expected="those of this run",
            remedy="the msclr version that wrote the checkpoint, or --fresh to start over",
        )


def _check_random(found: Mapping[str, Tensor], expected: Mapping[str, Tensor], where: str) -> None:
    if found.keys() != expected.keys():
        raise FileFormatError(
            f"random states {', '.join(sorted(found))}; those of another version of the method",
            where=where,
            expected=", ".join(sorted(expected)),
            remedy="the msclr version that wrote the checkpoint, or --fresh to start over",
        )


def _number(values: Mapping[str, JsonValue], name: str, where: str) -> float:
    value = values.get(name)
    if isinstance(value, int | float):
        return value
    raise FileFormatError(f"{name} is {value!r:.40}", where=where, expected="a number")
