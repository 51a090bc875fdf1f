"""Account layouts: every account of the shared files by member, lengths, and hostile bytes."""

from __future__ import annotations

import base64
import random
from pathlib import Path
from typing import Any

import orjson
import pytest

from hotpath.pools.layouts import LAYOUTS, decode, layout_names  # type: ignore[attr-defined]
from hotpath.pools.pool import Refusal

FILES = (
    "accounts_idl",
    "accounts_raydium",
    "accounts_whirlpool",
    "accounts_meteora_dlmm",
    "accounts_pump_feeconfig_mainnet",
    "accounts_pyth",
)


def accounts(shared: Path) -> list[tuple[str, bytes, dict[str, Any]]]:
    found = []
    for file in FILES:
        path = shared / "vectors" / "solana" / f"{file}.json"
        for a in orjson.loads(path.read_bytes())["accounts"]:
            name = a.get("layout") or a.get("account") or a.get("name") or "FeeConfig"
            if a["decoded"] is not None:
                found.append((name, base64.b64decode(a["data_base64"]), a["decoded"]))
    return found


def test_every_account_of_the_shared_files_decodes_to_its_members(shared: Path) -> None:
    for name, data, decoded in accounts(shared):
        assert decode(name, data) == decoded, name
        assert list(decode(name, data)) == list(decoded), f"{name}: order of members"


def test_names_with_their_program_say_the_same(shared: Path) -> None:
    path = shared / "vectors" / "solana" / "accounts_idl.json"
    for a in orjson.loads(path.read_bytes())["accounts"]:
        data = base64.b64decode(a["data_base64"])
        for join in (".", "/", ":"):
            assert decode(f"{a['program']}{join}{a['account']}", data) == a["decoded"]


# what a curve, a pool and a fee schedule were born with, before their programs added members
BORN = {
    "pump.BondingCurve": 49,
    "pump_amm.Pool": 211,
    "pump_amm.GlobalConfig": 313,
    "pump.Global": 113,
}


@pytest.mark.parametrize("name", BORN)
def test_members_that_an_old_pump_account_lacks_are_zero(name: str, shared: Path) -> None:
    path = shared / "vectors" / "solana" / "accounts_idl.json"
    for a in orjson.loads(path.read_bytes())["accounts"]:
        if f"{a['program']}.{a['account']}" != name:
            continue
        data = base64.b64decode(a["data_base64"])
        whole = decode(name, data)
        for cut in range(len(data) + 1):
            if cut < BORN[name]:
                with pytest.raises(Refusal, match="bad_field"):
                    decode(name, data[:cut])
                continue
            try:
                short = decode(name, data[:cut])
            except Refusal:
                continue  # inside a member
            assert short == decode(name, data[:cut] + bytes(len(data) - cut))
            assert short == whole or cut < len(data)
        assert decode(name, data[: BORN[name]]) != whole
        assert decode(name, data + b"\xff" * 24) == whole  # accounts grow before their layout does


def test_a_fee_schedule_older_than_the_stable_tiers_reads_empty_ones(shared: Path) -> None:
    for name, data, decoded in accounts(shared):
        if name == "FeeConfig" and len(data) < 1000:
            cut = 8 + 1 + 32 + 24 + 4 + 40 * len(decoded["fee_tiers"])
            old = decode("pump_fees.FeeConfig", data[:cut])
            assert old["fee_tiers"] == decoded["fee_tiers"]
            assert old["stable_fee_tiers"] == []
            assert set(old["exotic_flat_fees"].values()) == {"0"}  # type: ignore[attr-defined]


GROW = ("pump", "pyth")  # by members, or by a variant


@pytest.mark.parametrize(
    "name", [n for n in layout_names() if "." in n and n in LAYOUTS and not n.startswith(GROW)]
)
def test_accounts_of_fixed_layout_need_every_byte(name: str) -> None:
    layout = LAYOUTS[name]
    data = layout.prefix + bytes(layout.size - len(layout.prefix))
    decode(name, data)
    with pytest.raises(Refusal, match="bad_field"):
        decode(name, data[:-1])
    if layout.exact:
        with pytest.raises(Refusal, match="exactly"):
            decode(name, data + b"\0")
    else:
        assert decode(name, data + b"\0" * 9) == decode(name, data)
    if layout.prefix:
        with pytest.raises(Refusal, match="discriminator"):
            decode(name, bytes([data[0] ^ 1]) + data[1:])


def test_unknown_names_are_refused() -> None:
    for name in ("", "Nothing", "RewardInfo", "Tick", "pump_fees.FeeConfig.camel", "bin_array_"):
        with pytest.raises(Refusal, match="bad_field"):
            decode(name, bytes(20000))


def test_truth_values_other_than_0_and_1_are_refused() -> None:
    layout = LAYOUTS["raydium.CpmmPoolInfoLayout"]
    data = bytearray(layout.size)
    at = 8 + 10 * 32 + 5 + 7 * 8 + 1
    data[at] = 1
    assert decode("CpmmPoolInfoLayout", bytes(data))["enableCreatorFee"] is True
    data[at] = 2
    with pytest.raises(Refusal, match="truth value"):
        decode("CpmmPoolInfoLayout", bytes(data))


def test_base58_agrees_with_the_slow_spelling() -> None:
    alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

    def slow(key: bytes) -> str:
        n, text = int.from_bytes(key, "big"), ""
        while n:
            n, r = divmod(n, 58)
            text = alphabet[r] + text
        return "1" * (len(key) - len(key.lstrip(b"\0"))) + text

    rng = random.Random(7)
    keys = [bytes(32), b"\xff" * 32, bytes(31) + b"\1", b"\1" + bytes(31)]
    keys += [bytes(z) + rng.randbytes(32 - z) for z in range(32) for _ in range(20)]
    for key in keys:
        told = decode("spl_token.Account", key + bytes(165 - 32))
        assert told["mint"] == slow(key)


def hostile(rounds: int, seed: int, shared: Path) -> None:
    rng = random.Random(seed)
    real = [(n, d) for n, d, _ in accounts(shared)]
    names = layout_names()
    for _ in range(rounds):
        name, data = rng.choice(real)
        shape = rng.randrange(4)
        if shape == 0:
            data = data[: rng.randrange(len(data) + 1)]
        elif shape == 1:
            data = data[:8] + rng.randbytes(rng.randrange(1200))
        elif shape == 2:
            name = rng.choice(names)
        else:
            spot = rng.randrange(len(data))
            data = data[:spot] + rng.randbytes(4) + data[spot + 4 :]
        try:
            told = decode(name, data)
        except Refusal as e:
            assert e.code == "bad_field"
        else:
            orjson.dumps(told)


def test_hostile_bytes_are_told_or_refused(shared: Path) -> None:
    hostile(3_000, 11, shared)


@pytest.mark.long
def test_hostile_bytes_for_long(shared: Path) -> None:
    hostile(200_000, 12, shared)
