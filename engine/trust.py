"""Whom a connection trusts, and why it cannot be made: TLS is verified always, and a failure is
told, never worked around.

The certificates trusted are the host's (SSL_CERT_FILE and SSL_CERT_DIR are honoured), or the
bundle that comes with the HTTP client where the host has none.
"""

from __future__ import annotations

import ssl
from collections import Counter
from collections.abc import Iterator
from typing import Any

IN_A_ROW = 3
"""Attempts that fail one after the other before it is said: one alone is an ordinary event."""


def trusted() -> ssl.SSLContext:
    """A client's context: chain and host name are verified, TLS 1.2 at least."""
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"] and not has_directory():
        import certifi

        context.load_verify_locations(certifi.where())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def has_directory() -> bool:
    """Certificates of a directory are read when one is looked for, so none is counted before."""
    return ssl.get_default_verify_paths().capath is not None


def refusal(error: BaseException, address: str) -> dict[str, Any] | None:
    """The trouble of a connection that TLS refused: {kind: certificate or tls, address, message};
    None for any other error."""
    for seen in causes(error):
        if isinstance(seen, ssl.SSLCertVerificationError):
            return {"kind": "certificate", "address": address, "message": seen.verify_message}
        if isinstance(seen, ssl.SSLError):
            message = seen.reason or type(seen).__name__
            return {"kind": "tls", "address": address, "message": message}
    return None


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what caused it, and so on."""
    seen: BaseException | None = error
    for _ in range(16):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or seen.__context__


def in_short(error: BaseException) -> str:
    """What the system said first, of an address and nothing that was sent to it."""
    found = [e for e in causes(error) if isinstance(e, OSError)]
    if not found:
        return type(error).__name__
    return "no answer in time" if isinstance(found[-1], TimeoutError) else str(found[-1])


class Refusals(dict[str, dict[str, Any]]):
    """By actor, the trouble of the connections it asks for; an actor that has none is not in it."""

    def __init__(self) -> None:
        super().__init__()
        self._failed: Counter[str] = Counter()

    def failed(self, actor: str, error: BaseException, address: str) -> None:
        """A connection to an address could not be made, or its request had no answer."""
        self._failed[actor] += 1
        found = refusal(error, address)
        if found is None and self._failed[actor] >= IN_A_ROW:
            found = {"kind": "unreached", "address": address, "message": in_short(error)}
        if found is not None:
            self[actor] = found

    def made(self, actor: str) -> None:
        """It was made: all is well."""
        self.pop(actor, None)
        del self._failed[actor]
