"""Report: the results of an evaluation with all one must know to trust and to repeat them, as data and strict JSON."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from statistics import fmean, stdev
from typing import Annotated, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from msclr import __version__, strict_json
from msclr.errors import FileFormatError
from msclr.io.atomic import atomic_file
from msclr.io.guard import open_regular, shown, to_path
from msclr.io.limits import ReadLimits
from msclr.io.registry import PathLike

MODEL, RANDOM, RAW = "model", "random init", "raw poses"

Setting: TypeAlias = bool | int | FiniteFloat | str
Sha256: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

_LARGEST = 2**30

P = TypeVar("P", bound=BaseModel)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Method(_Part):
    """What one way of describing clips scored.

    Args:
        seeds: The runs: seeds of the random weights, of what the protocol draws, or both.
        numbers: Each number in per cent, one value for each run.
        facts: Further numbers of each run, such as the best epoch.

    Example:
        >>> runs = Method(seeds=(0, 1), numbers={"top-1": (50.0, 54.0)})
        >>> runs.mean("top-1"), round(runs.deviation("top-1"), 2)
        (52.0, 2.83)
    """

    seeds: tuple[int, ...]
    numbers: dict[str, tuple[FiniteFloat, ...]]
    facts: dict[str, tuple[FiniteFloat, ...]] = {}

    def mean(self, number: str) -> float:
        """Return the mean over the runs."""
        return fmean(self.numbers[number])

    def deviation(self, number: str) -> float:
        """Return the standard deviation over the runs (with n - 1); 0 for a single one."""
        values = self.numbers[number]
        return stdev(values) if len(values) > 1 else 0.0


class DataFacts(_Part):
    """Which data a task is about.

    Args:
        name: Name of the data set.
        sha256: Hash of its content, as `LabelledClips.sha256`.
        split: The split, or which clips are tested.
        reading: What else decided the poses.
        left_out: Clips that could not be used, each with the reason.
    """

    name: str
    sha256: Sha256
    split: str
    reading: str = ""
    left_out: dict[str, str] = {}


class Task(_Part):
    """One protocol on one data set: the model beside its baselines.

    Args:
        name: Name of the task: the data set, and what is special about it.
        data: The data trained on, and tested on if `test_data` is not given.
        test_data: The data tested on, for transfer.
        protocol: Name of the protocol.
        settings: Its settings.
        facts: Sizes: "train", "test", "classes", and "copies", the test clips that are among the training clips.
        chance: What guessing scores, per cent, for the numbers where that is known.
        methods: "model", "random init" and "raw poses".
        classes: Names of the classes, for `confusion`.
        confusion: How often the model took each class (row) for each class (column), summed over its runs.
        recall: Share of right answers of the model for each class, per cent, mean over its runs.
        failure: Why there are no numbers; "" if there are.
    """

    name: str
    data: DataFacts
    test_data: DataFacts | None = None
    protocol: str
    settings: dict[str, Setting] = {}
    facts: dict[str, int] = {}
    chance: dict[str, FiniteFloat] = {}
    methods: dict[str, Method] = {}
    classes: tuple[str, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    recall: dict[str, FiniteFloat] = {}
    failure: str = ""

    @property
    def numbers(self) -> list[str]:
        """Names of the numbers, in the order of the protocol."""
        return list(dict.fromkeys(name for method in self.methods.values() for name in method.numbers))


class ModelFacts(_Part):
    """Which model is judged.

    Args:
        name: Name or path.
        weights_sha256: What tells its vectors apart, see `msclr.models.fingerprint`; as in files of vectors.
        dim: Length of the vectors.
        parameters: Number of weights.
        preparation: What clips go through before the network.
        scale: Whether features are scaled to length 1, or taken as the network gives them.
    """

    name: str
    weights_sha256: Sha256
    dim: int
    parameters: int
    preparation: str = "common"
    scale: Literal["length 1", "as they are"] = "length 1"


class Report(_Part):
    """The results of an evaluation.

    Args:
        title: A heading.
        model: The model.
        seeds: Seeds of the random baselines and of what protocols draw.
        versions: Versions of Python, msclr and what the numbers come from.
        command: How to repeat it; "" if it was not a command.
        tasks: The results.
        format: Tells the file from others.

    Example:
        >>> model = ModelFacts(name="m", weights_sha256="0" * 64, dim=8, parameters=100)
        >>> report = Report(title="walks", model=model, seeds=(0, 1, 2), versions=versions(), tasks=())
        >>> Report.from_json(report.to_json()) == report
        True
    """

    title: str
    model: ModelFacts
    seeds: tuple[int, ...]
    versions: dict[str, str]
    command: str = ""
    tasks: tuple[Task, ...]
    format: Literal["msclr-report-1"] = "msclr-report-1"

    def to_json(self) -> bytes:
        """Return the report as strict JSON: no NaN, no infinity, keys once."""
        return (self.model_dump_json(indent=1) + "\n").encode()

    @classmethod
    def from_json(cls, content: bytes, *, where: str = "the report") -> Report:
        """Read what `to_json` wrote.

        Raises:
            FileFormatError: If it is no report.
        """
        return checked(cls, content, where)

    def write(self, path: PathLike) -> None:
        """Write the report; the file appears complete or not at all."""
        with atomic_file(to_path(path)) as file:
            file.write(self.to_json())

    @classmethod
    def read(cls, path: PathLike) -> Report:
        """Read a report.json.

        Raises:
            MissingFileError: If there is no such file.
            FileFormatError: If it is no report.
        """
        place = to_path(path)
        return cls.from_json(open_regular(place, ReadLimits(maximum_bytes=_LARGEST)), where=shown(place))


def checked(kind: type[P], content: bytes, where: str) -> P:
    """Read a report, or a part of one, from strict JSON.

    Args:
        kind: `Report`, `Task` or another part.
        content: The JSON.
        where: The file, for messages.

    Raises:
        FileFormatError: If it is something else.
    """
    strict_json.loads(content, where=where, maximum_bytes=_LARGEST)
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise FileFormatError(f"{place[:120]}: {first['msg']}", where=where, expected="a report of msclr") from None


def versions() -> dict[str, str]:
    """Return the versions that numbers may depend on.

    Example:
        >>> sorted(versions())
        ['msclr', 'numpy', 'python', 'scikit-learn', 'torch']
    """
    found: dict[str, str] = {"msclr": __version__, "python": platform.python_version()}
    for package in ("torch", "numpy", "scikit-learn"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
