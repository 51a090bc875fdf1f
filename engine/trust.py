"""Whom a connection trusts: TLS is verified always, and a failure is told, never worked around.

The certificates trusted are the host's (SSL_CERT_FILE and SSL_CERT_DIR are honoured), or the
bundle that comes with the HTTP client where the host has none.
"""

from __future__ import annotations

import ssl
from typing import Any


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
    seen: BaseException | None = error
    for _ in range(16):  # causes of causes
        if seen is None:
            return None
        if isinstance(seen, ssl.SSLCertVerificationError):
            return {"kind": "certificate", "address": address, "message": seen.verify_message}
        if isinstance(seen, ssl.SSLError):
            message = seen.reason or type(seen).__name__
            return {"kind": "tls", "address": address, "message": message}
        seen = seen.__cause__ or seen.__context__
    return None
