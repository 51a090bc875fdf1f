"""pump's bonding curve and PumpSwap in plain integers, after the official SDKs."""

from __future__ import annotations

from typing import Any

from tests.reference.pools.solana_steps import Refuses, down, fits, ints, up

SOL = (
    "11111111111111111111111111111111",
    "So11111111111111111111111111111111111111112",
    "9pan9bMn5HatX4EJdBwg9VgCa7Uz5HL8N1m5D3NdXejP",
)
USDC = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
BILLION = 10**15


def fee(amount: int, bps: int) -> int:
    return up(amount * bps, 10_000)


def scheduled(schedule: dict[str, Any], mint: str, canonical: bool, cap: int) -> list[int]:
    """[lp, protocol, creator] in basis points."""
    flat, exotic = ([int(v) for v in schedule[k]] for k in ("flat_fees", "exotic_flat_fees"))
    if not canonical:
        return flat
    if mint not in SOL and mint != USDC:
        return exotic if any(exotic) else flat
    tiers = schedule["stable_fee_tiers"] if mint == USDC else []
    rows = [[int(v) for v in row] for row in tiers or schedule["fee_tiers"]]
    reached = [row for row in rows if cap >= row[0]]
    return (reached[-1] if reached else rows[0])[1:]


def curve_rates(state: dict[str, Any], supply: int) -> tuple[int, int]:
    curve, rules = state["bonding_curve"], state["global"]
    protocol, creator = ints(rules, "fee_basis_points", "creator_fee_basis_points")
    if state["fee_schedule"] is not None:
        cap = int(curve["virtual_quote_reserves"]) * supply // int(curve["virtual_token_reserves"])
        _, protocol, creator = scheduled(state["fee_schedule"], curve["quote_mint"], True, cap)
    if rules["creator_fee_configurable"] and int(curve["creator_fee_bps"]):
        creator = int(curve["creator_fee_bps"])
    return protocol, 0 if curve["creator_is_default"] else creator


def curve_answer(state: dict[str, Any]) -> str:
    curve = state["bonding_curve"]
    vt, vq, rt = ints(
        curve, "virtual_token_reserves", "virtual_quote_reserves", "real_token_reserves"
    )
    amount, supply = ints(state, "amount", "mint_supply")
    if amount == 0 or vt == 0:
        return "0"
    if state["fn"] == "buy_exact_quote_in":
        protocol, creator = curve_rates(state, supply)
        net = (amount - 1) * 10_000 // (10_000 + protocol + creator)
        result = min(down(net * vt, vq + net), rt)
    else:
        protocol, creator = curve_rates(state, supply if curve["is_mayhem_mode"] else BILLION)
        if state["fn"] == "buy_exact_tokens_out":
            tokens = min(amount, rt)
            cost = down(tokens * vq, vt - tokens) + 1
            result = cost + fee(cost, protocol) + fee(cost, creator)
        else:
            cost = down(amount * vq, vt + amount)
            result = cost - fee(cost, protocol) - fee(cost, creator)
    fits(result)
    return str(result)


def swap_rates(state: dict[str, Any], effective: int) -> tuple[int, int, int]:
    rules = state["global_config"]
    lp, protocol, creator = ints(rules, "lp_fee_bps", "protocol_fee_bps", "coin_creator_fee_bps")
    if state["fee_schedule"] is not None:
        supply = BILLION if state["is_mayhem_mode"] else int(state["base_mint_supply"])
        cap = effective * supply // int(state["base_reserve"])
        lp, protocol, creator = scheduled(
            *(state["fee_schedule"], state["quote_mint"], state["is_canonical_pump_pool"], cap)
        )
        if rules["creator_fee_configurable"] and int(state["pool_creator_fee_bps"]):
            creator = int(state["pool_creator_fee_bps"])
    return lp, protocol, 0 if state["coin_creator_is_default"] else creator


def swap_answer(state: dict[str, Any]) -> dict[str, str]:
    base, quote, lift, amount = ints(
        state, "base_reserve", "quote_reserve", "virtual_quote_reserves", "amount"
    )
    if base == 0 or quote == 0:
        raise Refuses("empty")
    effective = quote + lift
    rates = swap_rates(state, effective)
    if state["fn"] == "buy_base_input":
        if amount >= base:
            raise Refuses("all of it")
        raw = up(effective * amount, base - amount)
        result = {"quote_in_total": raw + sum(fee(raw, r) for r in rates), "internal_quote": raw}
    elif state["fn"] == "buy_quote_input":
        raw = amount * 10_000 // (10_000 + sum(rates))
        raw -= max(0, raw + sum(fee(raw, r) for r in rates) - amount)
        if effective + raw - 1 == 0:
            raise Refuses("division")
        out = abs(raw - 1) * base // abs(effective + raw - 1)  # toward zero
        result = {"base_out": out if raw >= 1 else -out, "effective_quote": raw}
    elif state["fn"] == "sell_base_input":
        raw = effective * amount // (base + amount)
        if quote < raw - fee(raw, rates[0]):
            raise Refuses("the pool does not hold it")
        result = {"quote_out_net": raw - sum(fee(raw, r) for r in rates), "internal_quote": raw}
    else:
        if amount > quote:
            raise Refuses("the pool does not hold it")
        raw = up(amount * 10_000, 10_000 - sum(rates))
        if raw >= effective:
            raise Refuses("all of it")
        result = {"base_in": up(base * raw, effective - raw), "internal_quote": raw}
    fits(*result.values())
    return {k: str(v) for k, v in result.items()}
