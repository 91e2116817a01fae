"""What went wrong between here and the Hub, said with the status that really came back.

Texts of the client are never passed on: it reports most failures as a missing connection, and its messages may quote
headers. Only the kind of the error and the status code are used.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from msclr.errors import HubError, ModelError, MsclrError, UnknownModelError

_TOKEN_HINT = "pass token=..., set HF_TOKEN, or run `hf auth login`"  # noqa: S105  (a hint, no secret)
_LATER = "wait a while, or local_files_only=True if the model is cached"


class TemporaryHubError(HubError):
    """A failure that says nothing about the model: a cached copy may be used instead."""


@contextmanager
def translated(where: str, *, file: str | None = None) -> Iterator[None]:
    """Turn whatever the Hub client raises within the block into an error of msclr.

    Args:
        where: The repository and revision, for messages.
        file: The file that was asked for.
    """
    try:
        yield
    except MsclrError:
        raise
    except Exception as error:
        raise _translation(error, where, file) from None


def _translation(error: Exception, where: str, file: str | None) -> MsclrError:
    chain = list(_chain(error))
    names = {kind.__name__ for one in chain for kind in type(one).__mro__}
    status = next((code for one in chain if (code := _status(one)) is not None), None)
    if "GatedRepoError" in names:
        return HubError(
            f"the model is gated (status {status})",
            where=where,
            remedy=f"accept its terms on the Hub, then {_TOKEN_HINT}",
        )
    if "DisabledRepoError" in names:
        return HubError(f"the Hub has disabled the model (status {status})", where=where)
    if "RevisionNotFoundError" in names:
        return UnknownModelError(
            f"no such revision (status {status})", where=where, expected="a branch, a tag, or all 40 digits of a commit"
        )
    if "RemoteEntryNotFoundError" in names:
        return ModelError(f"{file or 'a file'} is not in the repository (status {status})", where=where)
    if status is not None:
        return _from_status(status, where)
    return _from_network(chain, names, where)


def _from_status(status: int, where: str) -> MsclrError:
    if status == 401:
        return HubError(
            "no such model, or a private one (status 401)",
            where=where,
            remedy=f"check the name; if it is private, {_TOKEN_HINT}",
        )
    if status == 403:
        return HubError(
            "access denied (status 403)", where=where, remedy=f"with a token that may read it: {_TOKEN_HINT}"
        )
    if status == 404:
        return UnknownModelError("no such model on the Hub (status 404)", where=where, remedy="check owner and name")
    if status == 429:
        return TemporaryHubError("too many requests (status 429)", where=where, remedy=f"{_TOKEN_HINT}; or {_LATER}")
    if status >= 500:
        return TemporaryHubError(f"the Hub has a problem of its own (status {status})", where=where, remedy=_LATER)
    return HubError(f"the Hub refused the request (status {status})", where=where)


def _from_network(chain: list[BaseException], names: set[str], where: str) -> MsclrError:
    if any(isinstance(one, ssl.SSLError) for one in chain):
        return TemporaryHubError(
            "no secure connection to the Hub (TLS failed)", where=where, remedy="check clock, proxy and certificates"
        )
    if any(isinstance(one, socket.gaierror) for one in chain):
        return TemporaryHubError(
            "the name of the Hub's server cannot be resolved (DNS)",
            where=where,
            remedy="check the network and HF_ENDPOINT",
        )
    if any("Timeout" in name for name in names):
        return TemporaryHubError("the Hub did not answer in time", where=where, remedy=_LATER)
    if names & {"ConnectionError", "NetworkError", "ProtocolError", "RequestError", "TransportError"}:
        return TemporaryHubError(
            f"no connection to the Hub ({type(chain[0]).__name__})",
            where=where,
            remedy="check the network and HF_ENDPOINT",
        )
    if names & {"JSONDecodeError", "FileMetadataError"}:
        return TemporaryHubError(
            "what answered is not the Hub: a login page of the network, perhaps",
            where=where,
            remedy="open a browser and check",
        )
    if isinstance(chain[0], OSError) and chain[0].strerror:
        return HubError(f"{chain[0].strerror}", where=where, remedy="another cache_dir, or set HF_HOME")
    return HubError(f"the Hub client failed ({type(chain[0]).__name__})", where=where)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def _status(error: BaseException) -> int | None:
    code = getattr(getattr(error, "response", None), "status_code", None)
    return code if isinstance(code, int) else None
