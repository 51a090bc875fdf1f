"""A local Ethereum node from npm, on loopback, and the few calls that the tests need."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from eth_abi import decode, encode
from eth_utils import keccak

HERE = Path(__file__).parent
FOLDER = HERE.parent.parent / "build" / "node" / "evm"
Json = dict[str, Any]
GAS = 8_000_000  # given to each transaction


def give_up(why: str) -> None:
    """Skipped where the tools are missing, failed where CI=true."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(why)
    pytest.skip(why)


def install() -> Path:
    """node_modules with the node and the contracts, installed once for each lock file."""
    if not shutil.which("node") or not shutil.which("npm"):
        give_up("node and npm are not on this machine: the real contracts cannot be run")
    FOLDER.mkdir(parents=True, exist_ok=True)
    lock = (HERE / "package-lock.json").read_bytes()
    stamp = FOLDER / "installed"
    with (FOLDER / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_bytes() != lock:
            for name in ("package.json", "package-lock.json"):
                shutil.copyfile(HERE / name, FOLDER / name)
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=150)
            if done.returncode:
                give_up(f"npm could not install the contracts: {done.stderr[-300:]}")
            stamp.write_bytes(lock)
    return FOLDER / "node_modules"


def selector(signature: str) -> bytes:
    return bytes(keccak(text=signature)[:4])


def types(signature: str) -> list[str]:
    inside = signature[signature.index("(") + 1 : -1]
    return inside.split(",") if inside else []


def calldata(signature: str, *arguments: object) -> bytes:
    return selector(signature) + bytes(encode(types(signature), arguments))


class Node:
    """JSON-RPC to an anvil on loopback that mines only when it is told to."""

    def __init__(self, port: int, modules: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.modules = modules
        self.calls = 0
        self.me = str(self.rpc("eth_accounts")[0])

    def rpc(self, method: str, *params: object) -> Any:
        self.calls += 1
        body = {"jsonrpc": "2.0", "id": self.calls, "method": method, "params": params}
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=30) as reply:
            answer = json.load(reply)
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        return answer["result"]

    def send(self, to: str | None, data: bytes, gas: int = GAS) -> str:
        transaction = {"from": self.me, "data": "0x" + data.hex(), "gas": hex(gas)}
        transaction |= {"to": to} if to else {}
        return str(self.rpc("eth_sendTransaction", transaction))

    def mine(self) -> int:
        self.rpc("evm_mine")
        return int(self.rpc("eth_blockNumber"), 16)

    def receipt(self, transaction: str) -> Json:
        receipt: Json = self.rpc("eth_getTransactionReceipt", transaction)
        return receipt

    def done(self, to: str | None, data: bytes) -> Json:
        """One transaction in a block of its own; it has to succeed."""
        sent = self.send(to, data)
        self.mine()
        receipt = self.receipt(sent)
        assert receipt["status"] == "0x1", receipt
        return receipt

    def deploy(self, code: bytes) -> str:
        return str(self.done(None, code)["contractAddress"])

    def artifact(self, path: str) -> bytes:
        text = json.loads((self.modules / path).read_bytes())["bytecode"]
        return bytes.fromhex(text.removeprefix("0x"))

    def read(self, to: str, signature: str, returns: str, *arguments: object) -> tuple[Any, ...]:
        data = "0x" + calldata(signature, *arguments).hex()
        answer = self.rpc("eth_call", {"to": to, "data": data}, "latest")
        return tuple(decode(returns.split(","), bytes.fromhex(answer[2:])))

    def logs(self, number: int) -> list[Json]:
        block = hex(number)
        logs: list[Json] = self.rpc("eth_getLogs", {"fromBlock": block, "toBlock": block})
        return logs


@contextmanager
def running() -> Iterator[Node]:
    """An anvil of our own, ended with the test."""
    modules = install()
    program = modules / "@foundry-rs/anvil-linux-amd64" / "bin" / "anvil"
    program.chmod(0o755)
    handle, name = tempfile.mkstemp(".out", "anvil-", FOLDER)
    output = Path(name)
    arguments = ["--host", "127.0.0.1", "--port", "0", "--no-mining", "--order", "fifo"]
    arguments += ["--gas-limit", "300000000", "--base-fee", "0", "--gas-price", "0"]
    with os.fdopen(handle, "wb") as sink:
        process = subprocess.Popen([program, *arguments], stdout=sink, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 20
        while not (found := re.search(rb"Listening on 127\.0\.0\.1:(\d+)", output.read_bytes())):
            if process.poll() is not None or time.monotonic() > deadline:
                give_up(f"the local node did not start: {output.read_text()[-300:]}")
            time.sleep(0.02)
        yield Node(int(found.group(1)), modules)
    finally:
        process.kill()
        process.wait(10)
        output.unlink()
