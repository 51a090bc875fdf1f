"""What holds at Binance spot, as data (reliability.md 4.7): what the order life may rely on."""

from __future__ import annotations

from typing import Literal

import msgspec


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """A venue's rules. Times in ns.

    `id_scope`: how long the venue refuses an id a second time; `open_only` ids may be accepted
    again once their order is done, so an order whose outcome is unknown is never sent again.
    `lag_bound_ns`: after this a query shows what the matching engine did.
    """

    id_scope: Literal["forever", "window", "open_only", "none"]
    id_length: int
    id_pattern: str
    query_endpoints: tuple[str, ...]
    history_endpoints: tuple[str, ...]
    lag_bound_ns: int
    dead_man: str | None
    connection_life_ns: int
    session_methods: tuple[str, ...]
    weight_per_minute: int
    replaces: Literal["new_order", "in_place"]
    definite_statuses: tuple[int, ...]


SECOND = 1_000_000_000
SPOT = Profile(
    id_scope="open_only",
    id_length=36,
    id_pattern=r"^[\.A-Z\:/a-z0-9_-]{1,36}$",
    query_endpoints=("order.status", "openOrders.status"),
    history_endpoints=("allOrders", "myTrades"),
    lag_bound_ns=SECOND,
    dead_man=None,
    connection_life_ns=24 * 3600 * SECOND,
    session_methods=("session.logon", "userDataStream.subscribe"),
    weight_per_minute=6000,
    replaces="new_order",
    definite_statuses=(400, 401, 409),
)
QUERY_DELAYS_NS = (100_000_000, 300_000_000, SECOND, 3 * SECOND, 10 * SECOND)
"""After an outcome became unknown (4.5); then one more every ten seconds."""
ABSENT_QUERIES = 5
"""Successful queries without the order before absence may be proven (4.6)."""


def absent_after_ns(profile: Profile) -> int:
    """The shortest time over which those queries must lie."""
    return max(10 * SECOND, 2 * profile.lag_bound_ns)


def query_delay_ns(queries: int) -> int:
    """From the moment the outcome became unknown to query number `queries` (from 0)."""
    if queries < len(QUERY_DELAYS_NS):
        return QUERY_DELAYS_NS[queries]
    return QUERY_DELAYS_NS[-1] + (queries - len(QUERY_DELAYS_NS) + 1) * 10 * SECOND
