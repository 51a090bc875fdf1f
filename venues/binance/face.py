"""Binance as `tiercel codec` sees it: sign, request, decode, over the order and the market side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.secret import Secret
from venues.binance import request as requests
from venues.binance.codec import decode as decode_order_side
from venues.binance.sign import signer


def sign(scheme: str, key: str, text: str) -> str:
    """The signature of `text`, in a scheme as the vectors name them."""
    return signer(scheme, Secret(key)).sign(text)


def request(
    intent: Mapping[str, Any], credentials: Mapping[str, Any], time_ms: int
) -> dict[str, Any]:
    """The request or frame of an intent `{"call", "args"}`, with its string to sign."""
    args = intent.get("args") or []
    if not isinstance(args, list):
        raise ValueError("args is a list")
    return requests.build(intent.get("call"), args, credentials, time_ms)


def decode(frame: str) -> list[dict[str, Any]]:
    """The records of a frame of the order socket; what is not its own says so (`not_mine`)."""
    return decode_order_side(frame)
