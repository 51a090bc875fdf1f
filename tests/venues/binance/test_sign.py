"""Signatures and requests equal the vectors; a secret never shows."""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from engine.secret import Secret
from venues.binance.request import NoSuchRequest, build
from venues.binance.sign import UnusableKey, rest_payload, signer, socket_payload

PEERS_CHOICE = {"timestamp", "recvWindow", "newOrderRespType", "signature", "clientOrderId"}


def load(shared: Path, name: str) -> Any:
    path = shared / "vectors" / "cex" / name
    return json.loads(path.read_text(), parse_float=Decimal)


def key_of(credentials: dict[str, str]) -> Secret:
    return Secret(credentials.get("secret_der_base64") or credentials["secret"])


def test_every_string_to_sign_gives_its_signature(shared: Path) -> None:
    credentials = load(shared, "credentials.json")
    seen = set()
    for name in ("requests.json", "ws_requests.json"):
        for row in load(shared, f"binance/{name}"):
            if not row["signing"]:
                continue
            scheme = row["signing"]["scheme"]
            by = signer(scheme, key_of(credentials[row["credentials"]]))
            assert by.sign(row["signing"]["string_to_sign"]) == row["signing"]["signature"]
            seen.add(scheme)
    for row in load(shared, "binance/signing.json"):
        if "secret" in row and "HMAC" in row["scheme"]:
            assert (
                signer("hmac", Secret(row["secret"])).sign(row["string_to_sign"])
                == row["signature"]
            )
    assert seen == {"HMAC-SHA256 hex", "Ed25519 base64"}


def decoded(request: dict[str, Any]) -> dict[str, str]:
    text = request["body"] or urlsplit(request["url"]).query
    return {k: v for k, v in parse_qsl(text) if k not in PEERS_CHOICE}


def test_every_spot_request_is_built(shared: Path) -> None:
    credentials = load(shared, "credentials.json")
    built = 0
    for row in load(shared, "binance/requests.json"):
        if row["market"] != "spot":
            continue
        intent = row["intent"]
        mine = build(
            intent["call"], intent["args"], credentials[row["credentials"]], row["time_ms"]
        )
        theirs = row["request"]
        ours = mine["request"]
        assert (ours["method"], ours["url"].split("?")[0]) == (
            theirs["method"],
            theirs["url"].split("?")[0],
        )
        assert decoded(ours) == decoded(theirs)
        assert ours["headers"] == theirs["headers"]
        by = signer(mine["signing"]["scheme"], key_of(credentials[row["credentials"]]))
        assert mine["signing"]["signature"] == by.sign(mine["signing"]["string_to_sign"])
        sent = ours["body"] or urlsplit(ours["url"]).query
        unsigned, _, signature = sent.rpartition("&signature=")
        assert unsigned == mine["signing"]["string_to_sign"]
        assert dict(parse_qsl("s=" + signature))["s"] == mine["signing"]["signature"]
        built += 1
    assert built


def test_every_spot_frame_is_built(shared: Path) -> None:
    credentials = load(shared, "credentials.json")
    built = 0
    for row in load(shared, "binance/ws_requests.json"):
        if row["market"] == "usdm":
            continue
        intent = row["intent"]
        mine = build(
            intent["call"], intent["args"], credentials[row["credentials"]], row["time_ms"]
        )
        for ours, theirs in zip(mine["frames"], row["frames"], strict=True):
            a, b = ours["message"], theirs["message"]
            assert a["method"] == b["method"]
            if isinstance(b["params"], list):
                assert a["params"] == b["params"]
                assert theirs["url"].startswith(ours["url"])
                continue
            assert ours["url"] == theirs["url"]
            kept = [{k: v for k, v in m["params"].items() if k not in PEERS_CHOICE} for m in (a, b)]
            assert kept[0] == kept[1]
            assert a["params"]["signature"] == mine["signing"]["signature"]
            assert socket_payload(a["params"]) == mine["signing"]["string_to_sign"]
        built += 1
    assert built


def test_rest_is_encoded_before_signing_and_the_socket_is_not() -> None:
    params: dict[str, str | int | bool] = {"symbol": "１２", "b": True, "a": "x y"}
    assert rest_payload(params) == "symbol=%EF%BC%91%EF%BC%92&b=true&a=x%20y"
    assert socket_payload(params) == "a=x y&b=true&symbol=１２"


def test_exponents_never_leave() -> None:
    credentials = {"apiKey": "k", "secret": "s"}
    args = ["BTC/USDT", "limit", "buy", Decimal("1E-7"), Decimal("1E+5")]
    body = build("create_order", args, credentials, 1)["request"]["body"]
    assert "quantity=0.0000001" in body and "price=100000" in body


@pytest.mark.parametrize(
    ("call", "args"),
    [
        ("create_order", ["BTC/USDT:USDT", "limit", "buy", 1, 1]),
        ("create_order", ["BTC/USDT", "limit", "buy", "NaN", 1]),
        ("create_order", ["BTC/USDT", "limit", "buy", 1]),
        ("create_order", ["BTC/USDT", "stop", "buy", 1, 1]),
        ("cancel_order", [None, "BTC/USDT"]),
        ("cancel_order", [True, "BTC/USDT"]),
        ("edit_order", [None, "BTC/USDT", "limit", "buy", 1, 1]),
        ("fetch_order_trades", [None, "BTC/USDT"]),
        ("withdraw", []),
        ("create_order", []),
    ],
)
def test_what_is_no_request_is_refused(call: str, args: list[Any]) -> None:
    with pytest.raises(NoSuchRequest):
        build(call, args, {"apiKey": "k", "secret": "s"}, 1)


def test_a_bad_key_is_refused_without_its_bytes() -> None:
    for text in (
        "not a key",
        "AAAA",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
    ):
        with pytest.raises(UnusableKey) as found:
            signer("ed25519", Secret(text), "main")
        assert text not in str(found.value) and found.value.__cause__ is None


def test_raw_and_pem_keys_sign_alike(shared: Path) -> None:
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        load_der_private_key,
    )

    der = load(shared, "credentials.json")["binance-ed25519"]["secret_der_base64"]
    key = load_der_private_key(base64.b64decode(der), None)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    raw = base64.b64encode(
        key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    ).decode()
    assert len({signer("ed25519", Secret(t)).sign("x") for t in (der, pem, raw)}) == 1
