"""Raydium AMM v4 in plain integers, after process_swap_base_in and _out."""

from __future__ import annotations

from typing import Any

from tests.reference.pools.solana_steps import Refuses, down, fits, ints, up


def swap(state: dict[str, Any], coin_to_pc: bool, exact_in: bool, amount: int) -> tuple[int, int]:
    """(paid, given) as the program executes it."""
    coin, pc, owed_coin, owed_pc, part, scale = ints(
        state,
        *("coin_vault_amount", "pc_vault_amount", "need_take_pnl_coin", "need_take_pnl_pc"),
        *("swap_fee_numerator", "swap_fee_denominator"),
    )
    x, y = coin - owed_coin, pc - owed_pc
    vault = coin if coin_to_pc else pc
    if not coin_to_pc:
        x, y = y, x
    if exact_in:
        net = amount - up(amount * part, scale)
        paid, given = amount, down(y * net, x + net)
    else:
        if amount >= y:
            raise Refuses("all of it")
        paid, given = up(up(x * amount, y - amount) * scale, scale - part), amount
    if paid == 0 or given == 0 or given >= y:
        raise Refuses("zero")
    fits(paid, given, vault + paid)
    return paid, given
