"""What went wrong between here and the Hub, said with the status that really came back.

Texts of the client are never passed on: it reports most failures as a missing connection, and its messages may quote
headers. Only the kind of the error and the status code are used.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msclr.errors import HubError, ModelError, MsclrError, UnknownModelError
from msclr.io.guard import shown

TOKEN_HINT = "pass token=..., set HF_TOKEN, or run `hf auth login`"  # noqa: S105  (a hint, no secret)
_NETWORK = (ConnectionError, TimeoutError, socket.gaierror, ssl.SSLError)
_LATER = "wait a while, or local_files_only=True if the model is cached"


class TemporaryHubError(HubError):
    """A failure that says nothing about the model: a cached copy may be used instead."""


@contextmanager
def translated(
    where: str, *, file: str | None = None, cache: Path | None = None, writing: bool = False
) -> Iterator[None]:
    """Turn whatever the Hub client raises within the block into an error of msclr.

    Args:
        where: The repository and revision, for messages.
        file: The file that was asked for.
        cache: Where files are kept, if the client writes any.
        writing: Whether the Hub was asked to change something.
    """
    try:
        yield
    except MsclrError:
        raise
    except Exception as error:
        chain = list(_chain(error))
        ours = next((one for one in chain if isinstance(one, MsclrError)), None)
        if ours is None and cache is not None:
            ours = _from_disk(error, where, cache)
        if ours is None and writing:
            ours = _from_writing(_status(chain), where)
        raise ours or _translation(chain, where, file) from None


def _from_disk(error: Exception, where: str, cache: Path) -> HubError | None:
    """Return the error for a cache that cannot be written, if that is what went wrong."""
    if not isinstance(error, OSError) or isinstance(error, _NETWORK) or not error.strerror:
        return None
    return HubError(
        f"cannot write to the cache {shown(cache)}: {error.strerror}",
        where=where,
        expected="a folder that can be written, with enough room",
        remedy="cache_dir=..., or set HF_HUB_CACHE to such a folder",
    )


def _from_writing(status: int | None, where: str) -> HubError | None:
    """Return the error for a Hub that refuses to change something, if that is what went wrong."""
    if status is None or status >= 500:
        return None
    if status in (401, 403):
        found = "the Hub does not know the token" if status == 401 else "the token has no right to write there"
        remedy = f"with a token that has it: {TOKEN_HINT}"
        return HubError(f"{found} (status {status})", where=where, remedy=remedy)
    if status == 409:
        return HubError(
            "there is such a repository already (status 409)",
            where=where,
            remedy="exist_ok=True to add a commit to it, or another name",
        )
    if status == 412:
        return HubError("somebody else changed the repository meanwhile (status 412)", where=where, remedy="it again")
    return HubError(f"the Hub refused the request (status {status})", where=where)


def _translation(chain: list[BaseException], where: str, file: str | None) -> MsclrError:
    names = {kind.__name__ for one in chain for kind in type(one).__mro__}
    status = _status(chain)
    if "GatedRepoError" in names:
        return HubError(
            f"the model is gated (status {status})",
            where=where,
            remedy=f"accept its terms on the Hub, then {TOKEN_HINT}",
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
            remedy=f"check the name; if it is private, {TOKEN_HINT}",
        )
    if status == 403:
        return HubError(
            "access denied (status 403)", where=where, remedy=f"with a token that may read it: {TOKEN_HINT}"
        )
    if status == 404:
        return UnknownModelError("no such model on the Hub (status 404)", where=where, remedy="check owner and name")
    if status in (408, 429) or status >= 500:
        return refusal(status, where)
    return HubError(f"the Hub refused the request (status {status})", where=where)


def refusal(status: int, where: str, retry_after: str | None = None) -> TemporaryHubError:
    """Return the error for a Hub that cannot or will not answer now.

    Args:
        status: 408, 429, or 500 and above.
        where: The repository and revision, for messages.
        retry_after: The header of that name, if there is one.

    Example:
        >>> print(refusal(429, "owner/name", "30").found)
        too many requests (status 429), the Hub asks for a pause of 30 s
    """
    seconds = int(retry_after) if retry_after and retry_after.isdecimal() and len(retry_after) < 10 else None
    asks = f", the Hub asks for a pause of {seconds:,} s" if seconds else ""
    if status == 429:
        return TemporaryHubError(
            f"too many requests (status 429){asks}", where=where, remedy=f"{_LATER}; with a token more are allowed"
        )
    if status == 408:
        return TemporaryHubError(f"the Hub did not get the request in time (status 408){asks}", where=where)
    return TemporaryHubError(f"the Hub has a problem of its own (status {status}){asks}", where=where, remedy=_LATER)


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
    if "TooManyRedirects" in names:
        return HubError("the Hub leads from one place to the next without end", where=where, remedy="check HF_ENDPOINT")
    if "OfflineModeIsEnabled" in names:
        return HubError("offline (HF_HUB_OFFLINE is set)", where=where, remedy="once without HF_HUB_OFFLINE")
    # Some versions of the client try again with an HTTP client that they have closed after a failed connection.
    closed = type(chain[0]) is RuntimeError and "client has been closed" in str(chain[0])
    if closed or names & {"ConnectionError", "NetworkError", "ProtocolError", "RequestError", "TransportError"}:
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
    if type(chain[0]) is OSError:  # what the client raises when it counts its bytes
        return TemporaryHubError("a file of another size came than was announced", where=where, remedy=_LATER)
    return HubError(f"the Hub client failed ({type(chain[0]).__name__})", where=where)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def _status(chain: list[BaseException]) -> int | None:
    codes = (getattr(getattr(error, "response", None), "status_code", None) for error in chain)
    return next((code for code in codes if isinstance(code, int)), None)
