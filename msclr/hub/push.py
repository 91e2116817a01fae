"""Publishing a model folder on the Hugging Face Hub: verified first, private by default, in one commit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from msclr.errors import ConfigError, HubError, ModelError, MsclrError, UnknownModelError
from msclr.hub.folder import ModelFiles, local_paths
from msclr.hub.load import assembled
from msclr.hub.manifest import FILES, LARGEST, MANIFEST, WEIGHTS
from msclr.hub.names import HubModel, expanded, resolve
from msclr.hub.problems import TOKEN_HINT, translated
from msclr.hub.transfer import MAIN, MAXIMUM_LISTING_BYTES
from msclr.hub.waiting import patience
from msclr.io.guard import shown, to_path

if TYPE_CHECKING:
    from huggingface_hub import HfApi

# What tokens of the Hub look like. None may ever be in a file that is published.
_TOKEN = re.compile(rb"\bhf_[A-Za-z0-9]{20,}")


@dataclass(frozen=True)
class PushedModel:
    """A model on the Hub.

    Attributes:
        repository: "owner/name".
        commit: The commit that was made, 40 digits.
        url: Where people see it.
    """

    repository: str
    commit: str
    url: str

    def __str__(self) -> str:
        """Return what `load_pretrained` takes for this very commit."""
        return f"{self.repository}@{self.commit}"


def push_to_hub(
    folder: str | Path,
    repository: str,
    *,
    private: bool = True,
    token: str | None = None,
    exist_ok: bool = False,
    message: str | None = None,
) -> PushedModel:
    """Publish a model folder on the Hugging Face Hub, for nobody but you unless you say otherwise.

    The folder is verified as `load_pretrained` would, before anything is sent. The files of its manifest are sent and
    no others, from the bytes that were verified, in one commit: the Hub has all of them or none. The folder stays as it
    is. Where `hf_xet` is installed, the client sends the weights by its protocol, whose waits msclr does not bound.

    Args:
        folder: What `save_pretrained` made.
        repository: "owner/name", which is created.
        private: Whether only its owner can see it; a repository that exists keeps its visibility, and is refused if it
            is public where a private one is wanted.
        token: Of the Hub, with the right to write; by default the one that is logged in.
        exist_ok: Also add a commit to a repository that exists already.
        message: Of the commit.

    Returns:
        The repository, the commit, and a link.

    Raises:
        MissingFileError: If there is no such folder.
        ModelError: If a file is missing, damaged, does not fit the others, or has a token in it.
        ConfigError: If an argument is out of bounds.
        UnknownModelError: If `repository` is no "owner/name".
        HubError: If there is no token, or the Hub refused, failed, or could not be reached.
    """
    from huggingface_hub import HfApi, constants, get_token

    place = _repository(repository)
    contents = verified_contents(folder)
    if constants.HF_HUB_OFFLINE:
        raise HubError("offline (HF_HUB_OFFLINE is set)", where=place, remedy="once without HF_HUB_OFFLINE")
    token = token if token is not None else get_token()
    if not token:
        raise HubError("no token, and the Hub takes models from those it knows only", where=place, remedy=TOKEN_HINT)
    api = HfApi(endpoint=constants.ENDPOINT, token=token)
    with patience(place, largest=MAXIMUM_LISTING_BYTES, sent=sum(map(len, contents.values()))):
        with translated(place, writing=True):
            api.create_repo(place, private=private, exist_ok=exist_ok)
        with _said_what_is_there(exist_ok):
            return _commit(api, place, contents, private, message or f"Add {WEIGHTS} and what belongs to it")


def verified_contents(folder: str | Path) -> dict[str, bytes]:
    """Return the files of a model folder that can be published: name to content, the manifest among them.

    Raises:
        MissingFileError: If there is no such folder.
        ModelError: If a file is missing, damaged, does not fit the others, or has a token in it.
    """
    path = expanded(to_path(folder))
    files = ModelFiles(local_paths(path, FILES), shown(path))
    assembled(files)  # what cannot be loaded is not published
    manifest = files.describe().manifest
    missing = [file for file in manifest.files if file not in files.paths]
    if missing:
        raise ModelError(f"{', '.join(missing)} missing", where=files.where, expected="every file of the manifest")
    contents: dict[str, bytes] = {file: files.read(file, manifest, LARGEST[file]) for file in manifest.files}
    contents[MANIFEST] = manifest.to_json()
    for file, data in contents.items():
        if file != WEIGHTS and _TOKEN.search(data):
            raise ModelError(
                "the file has a token of the Hub in it, which would be published",
                where=f"{files.where}/{file}",
                expected="no secrets",
                remedy="revoke that token on the Hub, and save the folder without it",
            )
    return contents


def _repository(name: str) -> str:
    if not isinstance(name, str):
        raise ConfigError(f"a repository of type {type(name).__name__}", expected="'owner/name'")
    meant = resolve(name, None, []) if "/" in name else None
    if not isinstance(meant, HubModel) or meant.revision is not None:
        raise UnknownModelError(f"no repository to push to: {shown(name)!r}", expected="'owner/name'")
    return meant.repository


def _commit(api: HfApi, place: str, contents: Mapping[str, bytes], private: bool, message: str) -> PushedModel:
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    with translated(place, writing=True):
        there = api.model_info(place, revision=MAIN)
    if private and there.private is False:
        raise HubError(
            "the repository is public",
            where=place,
            expected="a private one",
            remedy="private=False if everybody may have the model, or another name",
        )
    siblings = {str(entry.rfilename) for entry in there.siblings or ()}
    operations: list[CommitOperationAdd | CommitOperationDelete] = [
        CommitOperationAdd(path_in_repo=file, path_or_fileobj=data) for file, data in contents.items()
    ]
    # What a former model of this repository had and this one has not would contradict the new manifest.
    operations += [CommitOperationDelete(path_in_repo=file) for file in FILES if file in siblings - contents.keys()]
    with translated(place, writing=True):
        made = api.create_commit(place, operations, commit_message=message, parent_commit=there.sha, revision=MAIN)
    return PushedModel(place, made.oid, str(made.commit_url))


@contextmanager
def _said_what_is_there(exist_ok: bool) -> Iterator[None]:
    """Let an error say that the repository has been made, and nothing is in it."""
    try:
        yield
    except MsclrError as error:
        if exist_ok:
            raise
        again = "the same call with exist_ok=True: the repository has been created, and nothing is in it yet"
        remedy = f"{error.remedy}; then {again}" if error.remedy else again
        raise type(error)(error.found, where=error.where, expected=error.expected, remedy=remedy) from None
