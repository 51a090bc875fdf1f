"""The transfer fee that whirlpools and DLMM pairs reckon with, against Token-2022 executed."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from random import Random
from typing import Any

from hotpath.pools.meteora_dlmm import TOKEN_2022 as TOKEN_2022_ID
from hotpath.pools.meteora_dlmm import MeteoraDlmm
from hotpath.pools.orca_whirlpool import after_transfer_fee, before_transfer_fee
from hotpath.pools.pool import Refusal
from tests.reference.pools.meteora_dlmm import TransferFee
from tests.solana.token_2022 import TOKEN_2022, Machine

U64 = (1 << 64) - 1


def amounts(draw: Random, bps: int, most: int) -> list[int]:
    """Small, large, and where the fee rounds or meets its most."""
    knee = most * 10_000 // bps if bps else 7
    near = [knee + k for k in (-1, 0, 1, 2) if 0 < knee + k <= U64]
    return [1, 2, 9_999, 10_000, 10_001, U64, *near, *(draw.getrandbits(64) or 1 for _ in range(4))]


def test_what_arrives_is_what_the_program_lets_arrive() -> None:
    draw = Random(1)
    compared = 0
    for bps in (0, 1, 33, 250, 5_000, 9_999, 10_000):
        for most in (0, 1, 5_000, 10**12, U64):
            machine = Machine((0, most, bps), (0, most, bps), epoch=5)
            for amount in amounts(draw, bps, most):
                done = machine.transfer(amount)
                assert done is not None
                arrives = after_transfer_fee(amount, bps, most)
                assert done == (arrives, amount - arrives), (bps, most, amount)
                assert TransferFee(bps, most).after(amount) == arrives
                compared += 1
    assert compared > 300


def test_what_must_be_sent_arrives() -> None:
    """The way back: the program lets at least what was wanted arrive; where that is more than was
    wanted, one unit less would have been too little."""
    draw = Random(2)
    for bps in (1, 33, 250, 5_000, 9_999):
        for most in (5_000, 10**12, U64):
            machine = Machine((0, most, bps), (0, most, bps), epoch=5)
            for _ in range(12):
                wanted = draw.getrandbits(draw.choice((8, 20, 40, 50))) + 1
                try:
                    sent = before_transfer_fee(wanted, bps, most)
                except Refusal:
                    continue
                done = machine.transfer(sent)
                assert done is not None
                assert done[0] >= wanted, (bps, most, wanted)
                less = machine.transfer(sent - 1)
                assert less is not None
                assert less[0] < wanted or done[0] == wanted, (bps, most, wanted)


def test_the_fee_of_a_mint_is_the_one_of_its_epoch(shared: Path) -> None:
    """A pair reads the mint's bytes at the state's epoch; the program charged by the same bytes."""
    path = shared / "vectors/solana/accounts_meteora_dlmm.json"
    pools: dict[str, list[dict[str, Any]]] = {}
    for account in json.loads(path.read_bytes())["accounts"]:
        pools.setdefault(account["pool"], []).append(account)
    listed = next(iter(pools.values()))
    older, newer = (0, 10**9, 30), (700, 2 * 10**9, 95)
    for epoch in (0, 699, 700, 701):
        machine = Machine(older, newer, epoch)
        mint = {
            "name": "token_x_mint",
            "owner": str(TOKEN_2022),
            "data_base64": base64.b64encode(machine.mint_data).decode(),
        }
        kept = [a for a in listed if a["name"] != "token_x_mint"]
        state = {"timestamp": "1700000000", "epoch": str(epoch), "accounts": [*kept, mint]}
        told = MeteoraDlmm.from_state(state).state()["transfer_fee_x"]
        done = machine.transfer(10**6)
        assert done is not None
        assert done[1] == 10**6 * int(told["feeBps"]) // 10_000
        assert int(told["maxFee"]) == (newer if epoch >= 700 else older)[1]
    assert str(TOKEN_2022) == TOKEN_2022_ID
