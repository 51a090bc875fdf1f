"""Who may ask, and how often: keys, signatures, timestamps, rate limits, as on Binance spot."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from engine.decimals import whole
from venues.simulated.accounts import Account
from venues.simulated.core import Exchange
from venues.simulated.spec import SpecRefused

MS = 1_000_000
TEN_SECONDS, MINUTE, DAY = 10_000, 60_000, 86_400_000
REFUSED_BEFORE_BAN = 10  # requests answered 429 within one minute


class ApiError(Exception):
    """What the venue answers instead of a result."""

    def __init__(self, code: int, msg: str, status: int = 400, data: Any = None) -> None:
        super().__init__(code, msg)
        self.code = code
        self.msg = msg
        self.status = status
        self.data = data

    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = {"code": self.code, "msg": self.msg}
        return found if self.data is None else found | {"data": self.data}


def ed25519_key(account: str, text: str) -> Ed25519PublicKey:
    """From base64 of the 32 raw bytes or of the DER form."""
    try:
        raw = base64.b64decode(text, validate=True)
        if len(raw) == 32:
            return Ed25519PublicKey.from_public_bytes(raw)
        key = load_der_public_key(raw)
    except ValueError as wrong:
        raise SpecRefused(detail=f"account {account}: ed25519_public: {wrong}") from None
    if not isinstance(key, Ed25519PublicKey):
        raise SpecRefused(detail=f"account {account}: ed25519_public is another kind of key")
    return key


class Access:
    """Keys of the accounts, and the counters of weight and orders."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.limits = exchange.spec.limits
        self.keys: dict[str, Account] = {}
        self.ed25519: dict[str, Ed25519PublicKey] = {}
        for account in exchange.accounts.values():
            spec = account.spec
            if spec is None:
                continue  # of an earlier run's spec: its orders stay, nobody can sign for it
            self.keys[spec.api_key] = account
            if spec.ed25519_public is not None:
                self.ed25519[spec.api_key] = ed25519_key(spec.name, spec.ed25519_public)
        self.weight = 0
        self.minute = -1
        self.refused = 0
        self.banned_until = 0  # ms
        self.orders: dict[tuple[str, int], tuple[int, int]] = {}  # (account, span): (window, n)
        self.connections: list[int] = []

    # ---- identity -------------------------------------------------------------------------

    def account(self, key: str) -> Account:
        if not key:
            raise ApiError(-2014, "API-key format invalid.", 401)
        found = self.keys.get(key)
        if found is None:
            raise ApiError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        return found

    def verify(self, key: str, payload: bytes, signature: str, ed25519_only: bool = False) -> None:
        """The signature fits the payload under this key's scheme, or -1022."""
        account = self.account(key)
        public = self.ed25519.get(key)
        secret = account.spec.hmac_secret if account.spec is not None else None
        good = False
        if public is not None:
            try:
                public.verify(base64.b64decode(signature, validate=True), payload)
                good = True
            except (InvalidSignature, ValueError):
                good = False
        elif secret is not None and not ed25519_only:
            expected = hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest()
            good = hmac.compare_digest(expected.encode(), signature.lower().encode())
        if not good:
            raise ApiError(-1022, "Signature for this request is not valid.")

    def check_time(self, timestamp: str | None, window: str | None) -> None:
        """The timestamp (ms, or us) is within recvWindow (ms, default 5000) of our clock."""
        if not timestamp or (sent := whole(timestamp)) is None:
            raise ApiError(
                -1102,
                "Mandatory parameter 'timestamp' was not sent, was empty/null, or malformed.",
            )
        sent *= 1_000 if len(timestamp) >= 16 else MS
        try:
            allowed = int(float(window or 5000) * MS)
        except (ValueError, OverflowError):
            raise ApiError(-1100, "Illegal characters found in parameter 'recvWindow'.") from None
        if not 0 <= allowed <= 60_000 * MS:
            raise ApiError(-1131, "recvWindow must be less than 60000.")
        now = self.exchange.now
        if sent >= now + 1_000 * MS:
            raise ApiError(
                -1021, "Timestamp for this request was 1000ms ahead of the server's time."
            )
        if now - sent > allowed:
            raise ApiError(-1021, "Timestamp for this request is outside of the recvWindow.")

    # ---- rates ------------------------------------------------------------------------------

    def spend(self, weight: int) -> None:
        """Count request weight: beyond the limit 429 until the minute ends; who goes on is banned,
        and answered 418 until the ban that was told is over."""
        now_ms = self.exchange.now // MS
        if now_ms // MINUTE != self.minute:
            self.minute = now_ms // MINUTE
            self.weight = 0
            self.refused = 0
        next_minute = (self.minute + 1) * MINUTE
        is_over = self.weight + weight > self.limits.weight_per_minute
        if is_over:
            self.refused += 1
            if self.refused > REFUSED_BEFORE_BAN:
                self.banned_until = max(self.banned_until, next_minute + 2 * MINUTE)
        if now_ms < self.banned_until:
            raise ApiError(
                -1003,
                f"Way too much request weight used; IP banned until {self.banned_until}. "
                "Please use WebSocket Streams for live updates to avoid bans.",
                418,
                {"serverTime": now_ms, "retryAfter": self.banned_until},
            )
        if is_over:
            raise ApiError(
                -1003,
                "Too much request weight used; current limit is "
                f"{self.limits.weight_per_minute} request weight per 1 MINUTE. Please use "
                "WebSocket Streams for live updates to avoid polling the API.",
                429,
                {"serverTime": now_ms, "retryAfter": next_minute},
            )
        self.weight += weight

    def order_count(self, account: Account, span: int) -> int:
        window, count = self.orders.get((account.name, span), (-1, 0))
        return count if window == self.exchange.now // MS // span else 0

    def count_order(self, account: Account, change: int) -> None:
        """One more order (change 1), or one of them filled (change -1)."""
        now_ms = self.exchange.now // MS
        for span in (TEN_SECONDS, DAY):
            count = self.order_count(account, span) + change
            self.orders[(account.name, span)] = (now_ms // span, max(count, 0))

    def check_orders(self, account: Account) -> None:
        limits = self.limits
        for span, most, name in (
            (TEN_SECONDS, limits.orders_per_10s, "10 SECOND"),
            (DAY, limits.orders_per_day, "1 DAY"),
        ):
            if self.order_count(account, span) >= most:
                raise ApiError(
                    -1015,
                    f"Too many new orders; current limit is {most} orders per {name}.",
                    429,
                )

    def connect(self) -> bool:
        """Count a new connection; False beyond the limit of five minutes."""
        now = self.exchange.now
        self.connections = [t for t in self.connections if now - t < 300_000 * MS]
        if len(self.connections) >= self.limits.connections_per_5m:
            return False
        self.connections.append(now)
        return True

    def told(self, account: Account | None) -> list[dict[str, Any]]:
        """The `rateLimits` member of a WebSocket API reply."""
        limits = self.limits
        found: list[dict[str, Any]] = []
        if account is not None:
            for interval, number, most, span in (
                ("SECOND", 10, limits.orders_per_10s, TEN_SECONDS),
                ("DAY", 1, limits.orders_per_day, DAY),
            ):
                found.append(
                    {
                        "rateLimitType": "ORDERS",
                        "interval": interval,
                        "intervalNum": number,
                        "limit": most,
                        "count": self.order_count(account, span),
                    }
                )
        found.append(
            {
                "rateLimitType": "REQUEST_WEIGHT",
                "interval": "MINUTE",
                "intervalNum": 1,
                "limit": limits.weight_per_minute,
                "count": self.weight,
            }
        )
        return found

    def headers(self, account: Account | None) -> dict[str, str]:
        found = {
            "X-MBX-USED-WEIGHT": str(self.weight),
            "X-MBX-USED-WEIGHT-1M": str(self.weight),
        }
        if account is not None:
            found["X-MBX-ORDER-COUNT-10S"] = str(self.order_count(account, TEN_SECONDS))
            found["X-MBX-ORDER-COUNT-1D"] = str(self.order_count(account, DAY))
        return found
