"""Mutants that are no other program: each named, with the reason; `make mutate` leaves them out.

One is named by its function, kind and line of source; kind "*" stands for the whole function. A
name that fits no mutant any more, and a named one that a test does kill, are said by `make mutate`.
"""

from __future__ import annotations

from tests.mutants import Mutant

EQUAL: dict[str, dict[tuple[str, str, str], str]] = {
    "hotpath/order.h": {
        (
            "index_warm",
            "*",
            "",
        ): "It only asks for lines of memory: no value depends on it.",
        (
            "orders_prepare",
            "negated",
            "if (t->prepared == at + 1) return;",
        ): "A place zeroed once more, or by orders_new instead, holds the same.",
        (
            "orders_prepare",
            "== by one",
            "if (t->prepared == at + 1) return;",
        ): "A place zeroed once more, or by orders_new instead, holds the same.",
        (
            "orders_prepare",
            "+ term dropped",
            "if (t->prepared == at + 1) return;",
        ): "A place zeroed once more, or by orders_new instead, holds the same.",
        (
            "orders_prepare",
            "+ term dropped",
            "t->prepared = at + 1;",
        ): "A place zeroed once more, or by orders_new instead, holds the same.",
        (
            "order_leaves",
            "> by one",
            "return status_is_live(o->status) && o->asked > o->here ? o->asked - o->here : 0;",
        ): "Nothing is left at equality.",
        (
            "order_reject",
            "|| term dropped",
            "if (o->status == TC_STATUS_INTENT || o->status == TC_STATUS_DENIED) return TC_EF"
            "FECT_ILLEGAL;",
        ): "The order has no fills then, so the last check of the function refuses it as well.",
        (
            "trade_keep",
            "> by one",
            "if (t->trades_seen++ > t->trade_mask) index_remove(t->by_trade, t->trade_index_m"
            "ask, k->instrument, k->trade_id);",
        ): "The place is still empty one trade earlier, so there is no entry to remove.",
        (
            "order_average",
            "< by one",
            "v = (v + (v < 0 ? -half : half)) / o->cumulative;",
        ): "Half of less than one unit added to nothing or taken from it rounds to nothing.",
    },
    "hotpath/gate.h": {
        (
            "gate_warm",
            "*",
            "",
        ): "It only asks for lines of memory: no value depends on it.",
        (
            "gate_narrow",
            "< by one",
            "return v > INT64_MAX ? INT64_MAX : v < INT64_MIN ? INT64_MIN : (int64_t)v;",
        ): "The bound itself is said as itself either way.",
        (
            "gate_fee",
            ">= by one",
            "if (notional >= 0 && notional <= (1ll << 40) && ppm >= 0 && ppm <= 1000000)",
        ): "The shortcut and the long way give the same where both can be taken.",
        (
            "gate_fee",
            "<= by one",
            "if (notional >= 0 && notional <= (1ll << 40) && ppm >= 0 && ppm <= 1000000)",
        ): "The shortcut and the long way give the same where both can be taken.",
        (
            "gate_check_view",
            "> by one",
            "if (in->view.venue_time && now - in->view.venue_time > age) age = now - in->view"
            ".venue_time;",
        ): "The larger of two ages is the same where they are equal.",
        (
            "gate_fill",
            "< by one",
            "gate_move(g, t, gate_strategy_index(g, strategy), lots < 0 ? !buy : buy, price, "
            "lots < 0 ? -lots : lots);",
        ): "A trade of nothing moves nothing, on whichever side.",
    },
}
"""File: {(function, kind, line of source): why no test can tell it from the source}."""


def equal_ones(
    file: str,
    mutants: list[Mutant],
    equal: dict[str, dict[tuple[str, str, str], str]] = EQUAL,
) -> tuple[set[int], list[str]]:
    """(numbers of the equal ones, names that fit none) of a file."""
    named = equal.get(file, {})
    found = {
        key: {
            m.number
            for m in mutants
            if (m.function, m.kind, m.text) == key or (m.function, "*", "") == key
        }
        for key in named
    }
    numbers = set().union(*found.values()) if found else set()
    return numbers, [" | ".join(key) for key, those in found.items() if not those]
