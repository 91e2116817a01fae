"""Fetching a model from the Hugging Face Hub: allow-listed names only, one revision for all files, cached."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Container, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from msclr.errors import HubError, ModelError, MsclrError
from msclr.hub.folder import incomplete
from msclr.hub.manifest import LARGEST, MANIFEST, REQUIRED, Manifest
from msclr.hub.names import HubModel, expanded
from msclr.hub.problems import TemporaryHubError, translated
from msclr.hub.waiting import patience
from msclr.io.guard import shown

MAIN = "main"
SECONDS = 10.0
MAXIMUM_LISTING_BYTES = 2**24

_COMMIT = re.compile(r"[0-9a-f]{40}")


def fetch(
    model: HubModel,
    *,
    cache_dir: Path | None = None,
    token: str | None = None,
    local_files_only: bool = False,
    files: Sequence[str] = REQUIRED,
) -> dict[str, Path]:
    """Return the cached files of a model, downloading what is not there yet.

    A model asked for by its commit is not looked up again once it is cached. If the Hub cannot be reached, the cached
    copy of the revision is used, with a warning. No call waits for more than a minute, but for files that keep coming;
    see `msclr.hub.waiting`.

    Args:
        model: The repository and revision.
        cache_dir: Where the files are kept; by default the cache of huggingface_hub.
        token: Of the Hub; by default the one that is logged in.
        local_files_only: Open no connection.
        files: Names of the files to get; those that not every model has may be absent from what is returned.

    Returns:
        File name to path, all of one commit.

    Raises:
        HubError: If the Hub refused or failed, or the model is not in the cache and must not be downloaded.
        UnknownModelError: If there is no such repository or revision.
        ModelError: If the repository lacks a file, or a cached file lies outside the cache.
    """
    from huggingface_hub import constants

    cache = expanded(Path(cache_dir if cache_dir is not None else constants.HF_HUB_CACHE))
    offline = local_files_only or bool(constants.HF_HUB_OFFLINE)
    pinned = model.revision is not None and _COMMIT.fullmatch(model.revision) is not None
    if offline or pinned:
        paths = _cached(model, cache, files)
        missing = _missing(files, paths)
        if not missing and (offline or _has_all(paths, files)):
            return _inside(paths, model, cache)
        if offline:
            raise _not_cached(model, cache, missing)
    try:
        with patience(str(model)):
            paths = _download(model, cache, token, files)
    except TemporaryHubError as error:
        paths = _cached(model, cache, files)
        if _missing(files, paths):
            raise
        warnings.warn(f"{error.found}; the cached copy of {model} is used", UserWarning, stacklevel=4)
    return _inside(paths, model, cache)


def discard(path: Path, cache: Path | None = None) -> None:
    """Take a damaged file out of use, so that the next call downloads it anew: the link to it, and what it links to.

    Args:
        path: The file as `fetch` returned it.
        cache: Delete nothing outside; by default the folder of the repository in the cache.
    """
    repository = path.parents[2].resolve() if cache is None else cache.resolve()
    targets = [path]
    while targets[-1].is_symlink() and len(targets) < 8:
        targets.append(targets[-1].parent / targets[-1].readlink())
    for target in targets:
        if target.parent.resolve().is_relative_to(repository):
            with suppress(OSError):
                target.unlink()


def _has_all(paths: Mapping[str, Path], files: Sequence[str]) -> bool:
    """Whether nothing is left to fetch of a commit: of the files that not every model has, the manifest tells."""
    try:
        listed = Manifest.from_json(paths[MANIFEST].read_bytes(), where=MANIFEST).files
    except (MsclrError, OSError, KeyError):
        return False
    return all(file in paths for file in files if file in REQUIRED or file in listed)


def _missing(files: Sequence[str], there: Container[str]) -> list[str]:
    return [file for file in files if file in REQUIRED and file not in there]


def _download(model: HubModel, cache: Path, token: str | None, files: Sequence[str]) -> dict[str, Path]:
    from huggingface_hub import HfApi, constants, hf_hub_download

    endpoint = constants.ENDPOINT
    with translated(str(model)), patience(str(model), largest=MAXIMUM_LISTING_BYTES):
        found = HfApi(endpoint=endpoint, token=token).model_info(
            model.repository, revision=model.revision or MAIN, timeout=SECONDS
        )
        there = sorted(str(entry.rfilename) for entry in found.siblings or ())
    missing = _missing(files, there)
    if missing:
        raise incomplete(missing, there, str(model))
    paths: dict[str, Path] = {}
    revision = model.revision
    for file in files:
        if file not in there:
            continue
        with translated(str(model), file=file, cache=cache), patience(f"{model}/{file}", largest=LARGEST[file]):
            got = hf_hub_download(
                model.repository,
                file,
                revision=revision,
                cache_dir=cache,
                token=token,
                endpoint=endpoint,
                etag_timeout=SECONDS,
                library_name="msclr",
            )
        paths[file] = Path(got)
        # The first file names the revision, which makes the client remember its commit; all others are of that commit.
        revision = paths[file].parent.name
    return paths


def _cached(model: HubModel, cache: Path, files: Sequence[str]) -> dict[str, Path]:
    from huggingface_hub import try_to_load_from_cache

    paths: dict[str, Path] = {}
    revision = model.revision
    for file in files:
        with translated(str(model), file=file):
            found = try_to_load_from_cache(model.repository, file, cache_dir=cache, revision=revision)
        if isinstance(found, str):
            paths[file] = Path(found)
            revision = paths[file].parent.name  # one commit for all, also if the branch moves meanwhile
    return paths


def _not_cached(model: HubModel, cache: Path, missing: list[str]) -> HubError:
    others = _cached_commits(model, cache)
    return HubError(
        f"offline, and the cache has no {', '.join(missing)} of this revision",
        where=str(model),
        expected=f"the model in {shown(cache)}{f' (there are commits {others})' if others else ''}",
        remedy="once without local_files_only and HF_HUB_OFFLINE",
    )


def _cached_commits(model: HubModel, cache: Path) -> str:
    snapshots = cache / f"models--{model.repository.replace('/', '--')}" / "snapshots"
    with suppress(OSError):
        return ", ".join(sorted(entry.name[:40] for entry in snapshots.iterdir())[:5])
    return ""


def _inside(paths: dict[str, Path], model: HubModel, cache: Path) -> dict[str, Path]:
    """Refuse cached files that are links out of the cache, and files that are not what their blob is named after."""
    root = cache.resolve()
    for file, path in paths.items():
        if not path.resolve().is_relative_to(root):
            raise ModelError(
                "the cached file is a link out of the cache",
                where=f"{model}/{file}",
                expected=f"files in {shown(root)}",
                remedy=f"after deleting {shown(path)}",
            )
    return paths


def is_named_after_content(path: Path, data: bytes) -> bool:
    """Whether a cached file has the content that its blob is named after; True where the name is no hash.

    The cache names blobs after the git hash of small files and the sha256 of large ones.

    Args:
        path: The file as `fetch` returned it.
        data: Its content.
    """
    if not path.is_symlink():
        return True
    name = path.readlink().name
    if re.fullmatch(r"[0-9a-f]{64}", name):
        return hashlib.sha256(data).hexdigest() == name
    if re.fullmatch(r"[0-9a-f]{40}", name):
        git = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
        return name in (git, hashlib.sha1(data, usedforsecurity=False).hexdigest())
    return True
