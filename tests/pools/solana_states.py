"""Random states of the Solana kinds, as batch lines carry them, from plain to absurd."""

from __future__ import annotations

import random
from typing import Any

from tests.reference.pools.pump import SOL, USDC

State = dict[str, Any]
MINTS = (*SOL, USDC, "JUPyiwrYJFskUPiHa7hkeR8VUtAeFoSYbKedZNsDvCN")
SCHEDULES: tuple[State | None, ...] = (
    None,
    {
        "flat_fees": ["20", "5", "5"],
        "fee_tiers": [
            ["1000000000", "0", "100", "0"],
            ["30000000000", "2", "93", "30"],
            ["90000000000", "20", "7", "33"],
            ["5000000000000", "10", "0", "0"],
        ],
        "stable_fee_tiers": [["0", "3", "90", "11"], ["60000000000", "20", "5", "50"]],
        "exotic_flat_fees": ["17", "41", "9"],
    },
    {
        "flat_fees": ["25", "5", "0"],
        "fee_tiers": [["0", "2", "93", "30"], ["420000000000", "20", "5", "95"]],
        "stable_fee_tiers": [],
        "exotic_flat_fees": ["0", "0", "0"],
    },
)  # fmt: skip


def bits(rng: random.Random, most: int) -> int:
    return rng.getrandbits(rng.randint(1, most))


def amount(rng: random.Random, about: int) -> int:
    shape = rng.random()
    if shape < 0.15:
        return rng.choice((0, 1, 2, 3, 10, 1000))
    if shape < 0.4:
        return bits(rng, 64)
    return max(0, about) * rng.randint(0, 1_000_000) // 1_000_000


def text(state: State) -> State:
    return {k: str(v) if type(v) is int else v for k, v in state.items()}


def amm_state(rng: random.Random) -> State:
    scale = rng.choice((10_000, 1, bits(rng, 60) + 1))
    coin, pc = bits(rng, 64), bits(rng, 64)
    return text({
        "coin_vault_amount": coin, "pc_vault_amount": pc,
        "need_take_pnl_coin": rng.choice((0, rng.randint(0, coin))),
        "need_take_pnl_pc": rng.choice((0, rng.randint(0, pc))),
        "swap_fee_numerator": rng.choice((0, min(25, scale - 1), rng.randrange(scale))),
        "swap_fee_denominator": scale,
    })  # fmt: skip


def cpmm_rates(rng: random.Random) -> State:
    return {
        "trade_fee_rate": rng.choice((0, 100, 2500, rng.randrange(500_000))),
        "creator_fee_rate": rng.choice((0, 500, rng.randrange(400_000))),
        "protocol_fee_rate": rng.choice((0, 120_000, rng.randrange(500_000))),
        "fund_fee_rate": rng.choice((0, 40_000, rng.randrange(500_000))),
    }


def cpmm_given(rng: random.Random) -> State:
    x, y = bits(rng, 64) + 1, bits(rng, 64) + 1
    exact_in = rng.random() < 0.5
    return text({
        "input_vault_amount": min(x, (1 << 64) - 1), "output_vault_amount": min(y, (1 << 64) - 1),
        **cpmm_rates(rng), "is_creator_fee_on_input": rng.random() < 0.5, "exact_in": exact_in,
        "amount": amount(rng, x if exact_in else y),
    })  # fmt: skip


def cpmm_program(rng: random.Random) -> State:
    state = cpmm_rates(rng)
    for i in (0, 1):
        fees = [rng.choice((0, bits(rng, 40))) for _ in range(3)]
        for k, fee in zip(("protocol", "fund", "creator"), fees, strict=True):
            state[f"{k}_fees_token_{i}"] = fee
        state[f"vault_{i}_amount"] = min((1 << 64) - 1, sum(fees) + bits(rng, 64))
    state["creator_fee_on"] = rng.randrange(3)
    return text({**state, "enable_creator_fee": rng.random() < 0.7})


def curve_state(rng: random.Random) -> State:
    vt, vq = bits(rng, 50) + 1, bits(rng, 44) + 1
    fn = rng.choice(("buy_exact_quote_in", "buy_exact_tokens_out", "sell_exact_tokens_in"))
    curve = {
        "virtual_token_reserves": vt, "virtual_quote_reserves": vq,
        "real_token_reserves": rng.randrange(vt), "real_quote_reserves": rng.randint(0, vq),
        "token_total_supply": 10**15, "complete": False, "creator_is_default": rng.random() < 0.3,
        "is_mayhem_mode": rng.random() < 0.3, "quote_mint": rng.choice(MINTS),
        "creator_fee_bps": rng.choice((0, 0, 77, 251)),
    }  # fmt: skip
    return text({
        "fn": fn, "amount": amount(rng, vq if fn == "buy_exact_quote_in" else vt),
        "fee_schedule": rng.choice(SCHEDULES), "bonding_curve": text(curve),
        "global": {
            "fee_basis_points": rng.choice(("0", "95", "100")),
            "creator_fee_basis_points": rng.choice(("0", "5")),
            "creator_fee_configurable": rng.random() < 0.5,
        },
        "mint_supply": rng.choice((10**15, 2 * 10**15, bits(rng, 60))),
    })  # fmt: skip


def swap_state(rng: random.Random) -> State:
    base, quote = bits(rng, 60) + 1, bits(rng, 55) + 1
    fn = rng.choice(("buy_base_input", "buy_quote_input", "sell_base_input", "sell_quote_input"))
    return text({
        "fn": fn, "amount": amount(rng, base if "_base_" in fn else quote),
        "base_reserve": base, "quote_reserve": quote,
        "virtual_quote_reserves": rng.choice((0, bits(rng, 50), -rng.randrange(quote))),
        "fee_schedule": rng.choice(SCHEDULES), "is_canonical_pump_pool": rng.random() < 0.6,
        "global_config": {
            "lp_fee_bps": "20", "protocol_fee_bps": "5",
            "coin_creator_fee_bps": rng.choice(("0", "5")),
            "creator_fee_configurable": rng.random() < 0.5,
        },
        "coin_creator_is_default": rng.random() < 0.3, "quote_mint": rng.choice(MINTS),
        "is_mayhem_mode": rng.random() < 0.3,
        "base_mint_supply": rng.choice((10**15, bits(rng, 60))),
        "pool_creator_fee_bps": rng.choice((0, 0, 120, 251)),
    })  # fmt: skip


def base_fee(rng: random.Random, mode: int, cliff: int) -> bytes:
    periods = rng.choice((0, 10, 60, 144))
    head = cliff.to_bytes(8, "little") + bytes([mode]) + bytes(5)
    linear = cliff // (periods + rng.randint(1, 200))
    bps = rng.choice((0, 10, 100, rng.randrange(3000)))
    reduction = (linear if mode in (0, 3) else bps).to_bytes(8, "little")
    if mode in (0, 1):
        frequency = rng.choice((0, 60, 3600)).to_bytes(8, "little")
        return head + periods.to_bytes(2, "little") + frequency + reduction
    if mode == 2:
        increment = rng.choice((10, 500, rng.randint(1, 2000))).to_bytes(2, "little")
        most = rng.choice((1000, 5000, 9900)).to_bytes(4, "little")
        reference = rng.choice((1, bits(rng, 40) + 1)).to_bytes(8, "little")
        return head + increment + rng.choice((600, 43200)).to_bytes(4, "little") + most + reference
    step, duration = rng.choice((10, 200)), rng.choice((3600, 86400))
    pair = step.to_bytes(4, "little") + duration.to_bytes(4, "little")
    return head + periods.to_bytes(2, "little") + pair + reduction


def damm_state(rng: random.Random) -> State:
    price = (1 << rng.randint(40, 90)) + bits(rng, 40)
    low, high = 4295048016, 79226673521066979257578248091
    if rng.random() < 0.4:
        low, high = price - price // rng.randint(2, 20), price + price // rng.randint(2, 20)
    liquidity = (1 << rng.randint(64, 108)) + bits(rng, 64)
    mode, collect, a_to_b = rng.randrange(5), rng.randrange(3), rng.random() < 0.5
    fn = rng.choice(("exact_in", "partial_in", "exact_out"))
    cliff = rng.choice((2_500_000, 30_000_000, 500_000_000, rng.randint(100_000, 900_000_000)))
    about = liquidity // price if a_to_b == (fn != "exact_out") else liquidity * price >> 128
    pool = text({
        "collect_fee_mode": collect, "sqrt_min_price": low, "sqrt_max_price": high,
        "sqrt_price": price, "liquidity": liquidity, "token_a_amount": bits(rng, 63),
        "token_b_amount": bits(rng, 63), "fee_version": rng.randrange(2),
        "activation_point": 1_770_000_000,
        "init_sqrt_price": rng.choice((price // 2, price, price + price // rng.randint(1, 9))),
        "base_fee_data_hex": base_fee(rng, mode, cliff).hex(),
        "dynamic_fee": text({
            "initialized": rng.randrange(2),
            "volatilityAccumulator": rng.choice((0, bits(rng, 24))),
            "binStep": 1, "variableFeeControl": rng.choice((0, 1000, 40_000)),
        }),
        "protocol_fee_percent": rng.choice((0, 10, 20)), "referral_fee_percent": 20,
        "compounding_fee_bps": rng.choice((0, 1000, 5000)) if collect == 2 else 0,
    })  # fmt: skip
    point = 1_770_000_000 + rng.choice((-5, 0, 1, 60, 3600, 86_400, 10_000_000))
    return text({
        "pool": pool, "current_point": point, "a_to_b": a_to_b, "has_referral": rng.random() < 0.3,
        "fn": fn, "amount": min(amount(rng, about), (1 << 64) - 1),
    })  # fmt: skip
