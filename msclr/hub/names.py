"""What the name of a model means: a bundled model, a local folder, or a repository on the Hugging Face Hub.

The spelling alone decides, never what happens to be on the disk, so a program does not change its meaning with the
folder it is started in.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from msclr.errors import ConfigError, UnknownModelError
from msclr.io.guard import shown, to_path

_OWNER_OR_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_REVISION_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_WORD = re.compile(r"[\w.-]{1,96}")
_RESERVED = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))})
_LOCAL_STARTS = ("./", "../", "/", "~", ".\\", "..\\")

SPELLINGS = (
    "a bundled model ('msclr-base'), a folder ('./folder' or a Path), or a repository of the Hugging Face Hub "
    "('owner/name' or 'owner/name@revision')"
)


@dataclass(frozen=True)
class HubModel:
    """A repository on the Hub and a branch, tag or commit of it; None is the main branch."""

    repository: str
    revision: str | None

    def __str__(self) -> str:
        return self.repository if self.revision is None else f"{self.repository}@{self.revision}"


@dataclass(frozen=True)
class BundledModel:
    """A model that comes with msclr."""

    name: str


def resolve(name: str | Path | None, revision: str | None, bundled: Sequence[str]) -> HubModel | BundledModel | Path:
    """Return what a name means.

    Args:
        name: What the user wrote; None is the default model.
        revision: Branch, tag or commit; only for models on the Hub.
        bundled: Names of the models that come with msclr.

    Raises:
        UnknownModelError: If it is none of these, with the closest bundled names.
        ConfigError: If a revision is given twice, or for a model that has none.

    Example:
        >>> resolve("owner/name@v1", None, ["msclr-base"])
        HubModel(repository='owner/name', revision='v1')
        >>> resolve("./folder", None, ["msclr-base"]).name
        'folder'
    """
    if isinstance(name, str) and not _is_local(name):
        if "/" in name or "@" in name:
            return _hub_model(name, revision)
        found: Path | BundledModel = BundledModel(_bundled_name(name, bundled))
    elif name is None:
        found = BundledModel("msclr-base")
    else:
        found = expanded(to_path(name))
    if revision is not None:
        raise ConfigError(f"revision={shown(revision)!r} for a model that is not on the Hub", expected="no revision")
    return found


def both_spellings(name: str) -> str | None:
    """Return how to say which of the two is meant, if a name is also the relative path of a folder that exists."""
    if name and "\0" not in name and len(name) <= 255 and Path(name).is_dir():
        return f"{'./' + name!r} for the folder of that name; {name!r} itself is never a folder"
    return None


def expanded(path: Path) -> Path:
    """Return a path with "~" replaced by the home folder.

    Raises:
        UnknownModelError: If there is no home folder.
    """
    try:
        return path.expanduser()
    except RuntimeError:
        raise UnknownModelError(
            "there is no home folder for '~'",
            where=shown(path),
            expected="a path without '~'",
            remedy="cache_dir=..., or set HF_HUB_CACHE, if this is the cache",
        ) from None


def _is_local(name: str) -> bool:
    return name.startswith(_LOCAL_STARTS) or name in (".", "..")


def _bundled_name(name: str, bundled: Sequence[str]) -> str:
    if name in bundled:
        return name
    if not _WORD.fullmatch(name):
        raise UnknownModelError(f"no model name: {shown(name)!r}", expected=SPELLINGS)
    closest = difflib.get_close_matches(name, bundled, n=3, cutoff=0.0)
    raise UnknownModelError(
        f"unknown model {name!r}; bundled are {', '.join(map(repr, closest)) or 'none'}",
        expected=SPELLINGS,
        remedy=both_spellings(name),
    )


def _hub_model(name: str, revision: str | None) -> HubModel:
    repository, at, written = name.partition("@")
    if at and revision is not None:
        raise ConfigError(f"two revisions: {shown(name)!r} and revision={shown(revision)!r}", expected="one")
    parts = repository.split("/")
    if len(parts) != 2 or "--" in repository or not all(_fits(part, _OWNER_OR_NAME) for part in parts):
        raise UnknownModelError(
            f"no repository name: {shown(repository)!r}", expected=SPELLINGS, remedy=both_spellings(name)
        )
    wanted = written if at else revision
    if wanted is not None:
        pieces = wanted.split("/")
        if len(wanted) > 160 or not all(_fits(piece, _REVISION_PART) for piece in pieces):
            raise UnknownModelError(f"no revision: {shown(wanted)!r}", expected="a branch, a tag, or a commit")
    return HubModel(repository, wanted)


def _fits(part: str, pattern: re.Pattern[str]) -> bool:
    """Whether a part is a plain name, on Windows too, and cannot lead anywhere else."""
    return (
        pattern.fullmatch(part) is not None
        and ".." not in part
        and not part.endswith((".", "-", ".git", ".lock"))
        and part.split(".")[0].lower() not in _RESERVED
    )
