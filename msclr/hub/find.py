"""From the name of a model to its files, wherever they lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from msclr.errors import ConfigError, HubError, MsclrError, UnknownModelError
from msclr.hub import transfer
from msclr.hub.folder import ModelFiles, local_paths
from msclr.hub.manifest import REQUIRED
from msclr.hub.names import BundledModel, HubModel, both_spellings, expanded, resolve
from msclr.hub.shipped import ShippedModel, list_models, shipped_model
from msclr.io.guard import shown, to_path


@dataclass(frozen=True)
class FoundModel:
    """A model's files, not yet read.

    Attributes:
        files: The files.
        place: The repository and revision asked for, or the folder.
        shipped: Its entry in the index, if it is a shipped model.
    """

    files: ModelFiles
    place: HubModel | Path
    shipped: ShippedModel | None

    @property
    def commit(self) -> str | None:
        """The commit that the files are of, if they are from the Hub."""
        if isinstance(self.place, Path):
            return None
        return next(iter(self.files.paths.values())).parent.name


def find_model(
    name: str | Path | None,
    *,
    revision: str | None = None,
    cache_dir: str | Path | None = None,
    token: str | None = None,
    local_files_only: bool = False,
    files: Sequence[str] = REQUIRED,
) -> FoundModel:
    """Return the files of a model, downloading what is not there; the arguments are those of `load_pretrained`.

    Args:
        name, revision, cache_dir, token, local_files_only: See `load_pretrained`.
        files: Names of the files to get; those that not every model has may be absent.

    Raises:
        UnknownModelError: If there is no such model, with the closest names.
        MissingFileError: If there is no such folder.
        ModelError: If a file is missing.
        ConfigError: If an argument is out of bounds.
        HubError: If the Hub refused, failed, or could not be reached.
    """
    if token is not None and not isinstance(token, str):
        raise ConfigError(f"a token of type {type(token).__name__}", expected="a str, or None for the one logged in")
    if revision is not None and not isinstance(revision, str):
        raise ConfigError(f"a revision of type {type(revision).__name__}", expected="a branch, tag or commit as str")
    cache = None if cache_dir is None else expanded(to_path(cache_dir))
    meant = resolve(name, revision, list_models())
    if isinstance(meant, BundledModel):
        shipped: ShippedModel | None = shipped_model(meant.name)
        place: HubModel | Path = shipped_model(meant.name).place
    else:
        shipped, place = None, meant
    if isinstance(place, HubModel):
        try:
            paths = transfer.fetch(place, cache_dir=cache, token=token, local_files_only=local_files_only, files=files)
        except (HubError, UnknownModelError) as error:
            raise _with_spellings(error, str(name)) from None
        found = ModelFiles(
            paths, str(place), lambda file: transfer.discard(paths[file]), transfer.is_named_after_content
        )
        return FoundModel(found, place, shipped)
    if shipped and not place.is_dir():
        raise UnknownModelError(
            f"{shipped.name} is not part of this installation",
            expected="the weights in msclr/weights",
            remedy="installing msclr again",
        )
    return FoundModel(ModelFiles(local_paths(place, files), shown(place)), place, shipped)


def _with_spellings(error: MsclrError, name: str) -> MsclrError:
    spelling = both_spellings(name)
    if spelling is None:
        return error
    remedy = f"{error.remedy}; or {spelling}" if error.remedy else spelling
    return type(error)(error.found, where=error.where, expected=error.expected, remedy=remedy)
