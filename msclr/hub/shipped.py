"""The index of the models that msclr is published with: where each lies, and what it must be."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from msclr import strict_json
from msclr.errors import UnknownModelError
from msclr.hub.names import HubModel
from msclr.models.configs.base import as_tuple
from msclr.skeletons.registry import get_skeleton

INDEX = "shipped.json"

_Text = Annotated[str, Field(min_length=1, max_length=200)]
_Texts = Annotated[tuple[_Text, ...], BeforeValidator(as_tuple)]


class ShippedModel(BaseModel):
    """A model of the index.

    Args:
        name: What `load_pretrained` takes.
        title: What it is for, in a line.
        repository: Where it lies on the Hugging Face Hub, or None for one that comes with msclr.
        commit: The commit that is loaded, all 40 digits, or None for one that comes with msclr.
        sha256: Of its weights file.
        licence: Terms of the weights.
        dim: Length of its vectors.
        skeletons: Ids of the joint conventions it takes, or None for all.
        data: Names of the data sets it was trained on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")]
    title: _Text
    repository: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")] | None
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    licence: _Text
    dim: Annotated[int, Field(ge=1)]
    skeletons: _Texts | None
    data: _Texts

    @model_validator(mode="after")
    def _pinned(self) -> Self:
        if (self.repository is None) != (self.commit is None):
            raise ValueError("a model on the Hub is pinned by its commit")
        return self

    @property
    def place(self) -> HubModel | Path:
        """Where its files are: a commit on the Hub, or a folder of this installation."""
        if self.repository is not None:
            return HubModel(self.repository, self.commit)
        return Path(str(files("msclr"))) / "weights" / self.name

    def takes(self, skeleton: str) -> bool:
        """Whether it embeds recordings in a joint convention, given by id or alias."""
        return self.skeletons is None or get_skeleton(skeleton).id in self.skeletons


@cache
def shipped_models() -> dict[str, ShippedModel]:
    """Return the index: name to model.

    Example:
        >>> shipped_models()["msclr-base"].dim
        512
    """
    entries = strict_json.loads(files("msclr.hub").joinpath(INDEX).read_bytes(), where=INDEX)
    models = [ShippedModel.model_validate(entry) for entry in entries] if isinstance(entries, list) else []
    return {model.name: model for model in models}


def shipped_model(name: str) -> ShippedModel:
    """Return a model of the index.

    Raises:
        UnknownModelError: If there is none of that name.
    """
    found = shipped_models().get(name)
    if found is None:
        raise UnknownModelError(f"unknown model {name!r}", expected=f"one of {', '.join(shipped_models())}")
    return found


def list_models(
    pattern: str = "*", *, skeleton: str | None = None, data: str | None = None, licence: str | None = None
) -> list[str]:
    """Return the names of the models that msclr is published with; `load_pretrained` takes each.

    Args:
        pattern: What the name must be like; "*" stands for any characters.
        skeleton: Only models that take this joint convention (id or alias).
        data: Only models trained on a data set whose name has this in it, in any case.
        licence: Only models under these terms, such as "apache-2.0".

    Raises:
        UnknownSkeletonError: If the joint convention is not registered.

    Example:
        >>> list_models()
        ['msclr-base']
        >>> list_models(skeleton="coco_17", data="ui-prmd", licence="apache-2.0")
        ['msclr-base']
    """
    if skeleton is not None:
        get_skeleton(skeleton)
    return sorted(
        name
        for name, model in shipped_models().items()
        if fnmatchcase(name, pattern)
        and (skeleton is None or model.takes(skeleton))
        and (data is None or any(data.casefold() in each.casefold() for each in model.data))
        and (licence is None or licence.casefold() == model.licence.casefold())
    )
