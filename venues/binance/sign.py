"""Binance's signatures: what is signed on REST and on the WebSocket API, and by which key.

REST signs the query string and the body, joined by nothing, percent-encoded before signing; the
WebSocket API signs the parameters sorted by name as raw `k=v&k=v` in UTF-8. HMAC-SHA256 gives hex,
Ed25519 gives base64 (percent-encoded on REST only).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import ClassVar, Protocol
from urllib.parse import quote

from engine.errors import TiercelError
from engine.secret import Secret

HMAC, ED25519 = "HMAC-SHA256 hex", "Ed25519 base64"
Value = str | int | bool


class UnusableKey(TiercelError):
    """A secret that is no key of the kind it is said to be; says nothing about its bytes."""

    code: ClassVar[str] = "TCL-5001"
    what = "The key {label} cannot sign"
    why = "{detail}"
    do = "Give an HMAC secret, or an Ed25519 private key as PEM or as base64 of its DER form"


class Signer(Protocol):
    """Signs text; `scheme` names how."""

    scheme: str

    def sign(self, text: str) -> str:
        """The signature as the venue spells it."""
        ...


class HmacSigner:
    """HMAC-SHA256, hex in lower case."""

    scheme = HMAC

    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    def sign(self, text: str) -> str:
        key = self._secret.reveal().encode()
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


class Ed25519Signer:
    """Ed25519, base64. UnusableKey when the secret is no such private key."""

    scheme = ED25519

    def __init__(self, secret: Secret, label: str = "") -> None:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import (
            load_der_private_key,
            load_pem_private_key,
        )

        text = secret.reveal()
        try:
            if "-----BEGIN" in text:
                key = load_pem_private_key(text.encode(), None)
            else:
                raw = base64.b64decode(text, validate=True)
                if len(raw) == 32:
                    key = Ed25519PrivateKey.from_private_bytes(raw)
                else:
                    key = load_der_private_key(raw, None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            # from None: the message of the cause might quote the secret
            raise UnusableKey(label=label, detail="its bytes are no private key") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise UnusableKey(label=label, detail="it is a private key of another kind")
        self._key = key

    def sign(self, text: str) -> str:
        return base64.b64encode(self._key.sign(text.encode())).decode()


def signer(kind: str, secret: Secret, label: str = "") -> Signer:
    """The signer of a key: kind `hmac` or `ed25519`, or a scheme's name."""
    if kind in ("hmac", HMAC):
        return HmacSigner(secret)
    if kind in ("ed25519", ED25519):
        return Ed25519Signer(secret, label)
    detail = f"{kind} is no way to sign here: there are {HMAC} and {ED25519}"
    raise UnusableKey(label=label or "given", detail=detail)


def spelled(value: Value) -> str:
    """A parameter as it is signed: booleans as true and false."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def rest_payload(params: Mapping[str, Value]) -> str:
    """What REST sends and signs, in the order given, percent-encoded."""
    return "&".join(f"{k}={quote(spelled(v), safe='-_.~')}" for k, v in params.items())


def socket_payload(params: Mapping[str, Value]) -> str:
    """What the WebSocket API signs: sorted by name, not encoded, without the signature."""
    return "&".join(f"{k}={spelled(params[k])}" for k in sorted(params) if k != "signature")


def signed_query(params: Mapping[str, Value], by: Signer) -> tuple[str, str, str]:
    """(query with signature, string to sign, signature) for REST."""
    text = rest_payload(params)
    signature = by.sign(text)
    joint = "&" if text else ""
    return f"{text}{joint}signature={quote(signature, safe='')}", text, signature


def signed_params(params: Mapping[str, Value], by: Signer) -> tuple[dict[str, Value], str, str]:
    """(parameters with signature, string to sign, signature) for the WebSocket API."""
    text = socket_payload(params)
    signature = by.sign(text)
    return dict(params) | {"signature": signature}, text, signature
