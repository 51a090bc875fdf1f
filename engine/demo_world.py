"""The world of a demo: simulated exchanges as processes, test keys, and how children are ended."""

from __future__ import annotations

import base64
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import orjson

from engine.errors import EXIT_NO, TiercelError

READY_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 20.0
EXCHANGES = ("alpha", "beta")
BALANCES = {"BTC": "10", "USDT": "1000000"}
TAKER_FEE_BPS, MAKER_FEE_BPS = "1", "0"
ACCOUNT = "tiercel"
LEDGER_BROKEN = "TCL-5202"  # in the last words of venues/simulated, which is not imported


class ExchangeNotReady(TiercelError):
    """A simulated exchange did not start."""

    code: ClassVar[str] = "TCL-2101"
    what = "The simulated exchange {name} did not start"
    why = "{detail}"
    do = "Look at {log}; a port in use or a full disk are the usual causes"


class LedgerNotWhole(TiercelError):
    """The exchange's ledger was changed: it cannot judge, and nothing goes on from it."""

    code: ClassVar[str] = "TCL-2105"
    what = "The ledger of the simulated exchange {name} is not what that exchange wrote"
    why = "{detail}"
    do = "`tiercel journal check` says what the journal has; restore the ledger or start anew"
    exit_code = EXIT_NO
    answer: ClassVar[dict[str, object]] = {"ledger_matches": False}


class Exchange(msgspec.Struct):
    """One simulated exchange as the demo started it."""

    name: str
    process: Any
    ready: dict[str, Any]
    ledger: Path
    log: Path


class Key(msgspec.Struct):
    """A test key made for this state directory: an Ed25519 pair and its label."""

    api_key: str
    private_pem: str
    public_pem: str


def make_key(path: Path) -> Key:
    """The test key kept in `path` (0600), made when it is not there yet."""
    if path.exists():
        return msgspec.json.decode(path.read_bytes(), type=Key)
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    key = Key(
        api_key=base64.urlsafe_b64encode(os.urandom(24)).decode(),
        private_pem=private.private_bytes(
            s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()
        ).decode(),
        public_pem=private.public_key()
        .public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo)
        .decode(),
    )
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as f:
        f.write(msgspec.json.encode(key))
    return key


def die_with_parent() -> None:
    """In the child: end when the demo ends, however it ends."""
    import ctypes

    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def spawn(argv: list[str], log: Path, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """A child of the demo whose output goes to `log` (its first line to us)."""
    with log.open("ab") as err:
        return subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=err,
            env=dict(env),
            preexec_fn=die_with_parent,
            process_group=0,  # a terminal's Ctrl-C reaches the demo alone, which stops in order
        )


def first_line(process: subprocess.Popen[bytes], timeout_s: float) -> bytes:
    """The child's first line on stdout, or nothing when it did not come in time."""
    import select

    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], timeout_s)
    return process.stdout.readline() if readable else b""


def start_exchange(spec: dict[str, Any], directory: Path) -> Exchange:
    """Start one exchange from its specification and wait until it answers."""
    name = spec["name"]
    path, log = directory / f"{name}.spec.json", directory / f"{name}.log"
    path.write_bytes(orjson.dumps(spec, option=orjson.OPT_INDENT_2))
    path.chmod(0o600)
    process = spawn(
        [sys.executable, "-m", "venues.simulated", "--spec", str(path)], log, os.environ
    )
    line = first_line(process, READY_TIMEOUT_S)
    if not line:
        process.kill()
        tail = log.read_text(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
        if tail[0].startswith(LEDGER_BROKEN):
            raise LedgerNotWhole(name=name, detail=tail[0])
        raise ExchangeNotReady(name=name, detail=tail[0], log=log)
    return Exchange(
        name=name,
        process=process,
        ready=orjson.loads(line),
        ledger=Path(spec["ledger"]),
        log=log,
    )


def tell(path: Path, words: dict[str, Any]) -> dict[str, Any]:
    """One line to an exchange's control socket, and its answer."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10.0)
        s.connect(str(path))
        s.sendall(msgspec.json.encode(words) + b"\n")
        with s.makefile("rb") as f:
            answer: dict[str, Any] = msgspec.json.decode(f.readline())
    return answer


def stop_process(process: subprocess.Popen[bytes], timeout_s: float = STOP_TIMEOUT_S) -> int:
    """SIGTERM, wait, SIGKILL; returns the exit code."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        return process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def exchange_spec(name: str, directory: Path, key: Key, seed: int) -> dict[str, Any]:
    """What one of the demo's exchanges is made of; the seed is shared, so their prices are."""
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_pem_public_key,
    )

    raw = load_pem_public_key(key.public_pem.encode()).public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {
        "name": name,
        "ledger": str(directory / f"{name}.ledger.jsonl"),
        "seed": seed,
        "markets": [
            {
                "symbol": "BTCUSDT",
                "base": "BTC",
                "quote": "USDT",
                "taker_fee_bps": TAKER_FEE_BPS,
                "maker_fee_bps": MAKER_FEE_BPS,
            }
        ],
        "accounts": [
            {
                "name": ACCOUNT,
                "api_key": key.api_key,
                "ed25519_public": base64.b64encode(raw).decode(),
                "balances": BALANCES,
            }
        ],
        "limits": {"orders_per_10s": 2000, "weight_per_minute": 60_000},
        "control": str(directory / f"{name}.control"),
    }
