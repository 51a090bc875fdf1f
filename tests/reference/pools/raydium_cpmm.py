"""Raydium CPMM in plain integers: the SDK's calculator, and the program with its accrued fees."""

from __future__ import annotations

from typing import Any

from tests.reference.pools.solana_steps import Refuses, down, fits, ints, up

ONE = 1_000_000


def gross(net: int, rate: int) -> int:
    return up(net * ONE, ONE - rate)


def curve(
    x: int,
    y: int,
    rates: tuple[int, int, int, int],
    on_input: bool,
    apart: bool,
    exact_in: bool,
    amount: int,
) -> dict[str, int]:
    """One swap over reserves x and y; rates are trade, creator, protocol, fund in millionths."""
    trade_rate, creator_rate, protocol_rate, fund_rate = rates
    if exact_in:
        trade, creator = up(amount * trade_rate, ONE), 0
        if on_input and apart:
            creator = up(amount * creator_rate, ONE)
        elif on_input and creator_rate:
            both = up(amount * (trade_rate + creator_rate), ONE)
            creator = down(both * creator_rate, trade_rate + creator_rate)
            trade = both - creator
        paid, moved_in = amount, amount - trade - creator
        if x + moved_in == 0:
            raise Refuses("division")
        # the SDK divides toward zero where two roundings leave minus one
        moved_out = abs(moved_in) * y // (x + moved_in) * (1 if moved_in >= 0 else -1)
        if not on_input:
            creator = up(moved_out * creator_rate, ONE)
        given = moved_out if on_input else moved_out - creator
    else:
        given, creator = amount, 0
        moved_out = amount if on_input else gross(amount, creator_rate)
        if not on_input:
            creator = moved_out - amount
        if moved_out >= y:
            raise Refuses("all of it")
        moved_in = up(x * moved_out, y - moved_out)
        paid = gross(moved_in, trade_rate + (creator_rate if on_input else 0))
        trade = paid - moved_in
        if on_input:
            creator = down(trade * creator_rate, trade_rate + creator_rate)
            trade -= creator
    return {
        "input_amount": paid,
        "output_amount": given,
        "trade_fee": trade,
        "protocol_fee": trade * protocol_rate // ONE,
        "fund_fee": trade * fund_rate // ONE,
        "creator_fee": creator,
        "new_input_vault_amount": x + moved_in,
        "new_output_vault_amount": y - moved_out,
    }


def answer(state: dict[str, Any]) -> dict[str, str]:
    """The SDK's answer for the shape of given vaults."""
    trade, creator, protocol, fund = ints(
        state, "trade_fee_rate", "creator_fee_rate", "protocol_fee_rate", "fund_fee_rate"
    )
    x, y, amount = ints(state, "input_vault_amount", "output_vault_amount", "amount")
    result = curve(
        *(x, y, (trade, creator, protocol, fund), state["is_creator_fee_on_input"]),
        *(True, state["exact_in"], amount),
    )
    fits(*result.values())
    return {k: str(v) for k, v in result.items()}


def swap(state: dict[str, Any], direction: int, exact_in: bool, amount: int) -> dict[str, int]:
    """The program's swap for the shape of vaults 0 and 1; the vaults and fees afterwards."""
    rates = ints(state, "trade_fee_rate", "creator_fee_rate", "protocol_fee_rate", "fund_fee_rate")
    if not state["enable_creator_fee"]:
        rates[1] = 0
    vault = [int(state[f"vault_{i}_amount"]) for i in (0, 1)]
    fees = {
        k: [int(state[f"{k}_fees_token_{i}"]) for i in (0, 1)]
        for k in ("protocol", "fund", "creator")
    }
    net = [vault[i] - sum(f[i] for f in fees.values()) for i in (0, 1)]
    on_input = int(state["creator_fee_on"]) in (0, 1 + direction)
    if amount == 0 or 0 in net:
        raise Refuses("zero")
    if on_input and rates[0] + rates[1] == 0:
        raise Refuses("the split divides by zero")
    r = curve(
        *(net[direction], net[1 - direction], tuple(rates), on_input, False, exact_in, amount)  # type: ignore[arg-type]
    )
    fits(*r.values())
    if r["input_amount"] == 0 or r["output_amount"] == 0:
        raise Refuses("zero")
    vault[direction] += r["input_amount"]
    vault[1 - direction] -= r["output_amount"]
    fits(*vault)
    fees["protocol"][direction] += r["protocol_fee"]
    fees["fund"][direction] += r["fund_fee"]
    fees["creator"][direction if on_input else 1 - direction] += r["creator_fee"]
    after = {f"vault_{i}_amount": vault[i] for i in (0, 1)}
    after |= {f"{k}_fees_token_{i}": fees[k][i] for k in fees for i in (0, 1)}
    return {"paid": r["input_amount"], "given": r["output_amount"], **after}
