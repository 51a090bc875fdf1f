"""How the simulated exchange speaks Binance spot: paths, frames, requests, events."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson

from venues.binance import dialect_text as say
from venues.binance.dialect_access import Access, ApiError
from venues.binance.dialect_methods import PATHS, PRIVATE, PUBLIC, Methods, Params
from venues.binance.dialect_streams import Listener, Streams
from venues.simulated.accounts import Account, Order, Trade
from venues.simulated.market import Market, PublicTrade
from venues.simulated.wire import Headers, Link, Wire

MS = 1_000_000
JSON = {"Content-Type": "application/json;charset=UTF-8"}
WITHOUT_LOGON = ("userDataStream.subscribe.signature",)


class Session:
    """One WebSocket API connection: who is logged on, and its user data subscriptions."""

    def __init__(self, connected: int, limits_told: bool) -> None:
        self.connected = connected
        self.limits_told = limits_told
        self.key = ""
        self.account: Account | None = None
        self.since = 0
        self.subscriptions: dict[int, tuple[Account, bool]] = {}  # and whether by logon
        self.subscribed = 0


class Dialect:
    """The face of one exchange; see venues/simulated/wire.py for who calls it."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.exchange = wire.exchange
        self.access = Access(wire.exchange)
        self.methods = Methods(wire, self.access)
        self.streams = Streams(wire)
        self.sessions: dict[int, Link] = {}
        self.kept: list[tuple[Account, bytes]] = []  # events that follow this turn's reply
        wire.exchange.observers.append(self)

    # ---- connections ------------------------------------------------------------------------

    def open(self, link: Link, target: str) -> bool:
        path, _, query = target.partition("?")
        options = dict(parse_qsl(query))
        if not self.access.connect():
            return False
        if path.rstrip("/") == "/ws-api/v3":
            link.kind = "replies"
            link.state = Session(
                self.exchange.now, options.get("returnRateLimits", "true") != "false"
            )
            self.sessions[link.number] = link
            return True
        if path.rstrip("/") == "/stream":
            names = [n for n in options.get("streams", "").split("/") if n]
            link.state = Listener(combined=True)
        elif path == "/ws" or path.startswith("/ws/"):
            names = [unquote(n) for n in path[4:].split("/") if n]
            link.state = Listener(combined=False)
        else:
            return False
        return self.streams.subscribe(link, names)

    def closed(self, link: Link) -> None:
        self.sessions.pop(link.number, None)
        if isinstance(link.state, Listener):
            self.streams.unsubscribe(link, list(link.state.names))

    def shutdown(self, link: Link) -> bytes:
        event = {"e": "serverShutdown", "E": self.exchange.now // MS}
        if link.kind == "replies":
            return orjson.dumps({"event": event})
        if link.state.combined:
            return orjson.dumps({"stream": "!serverShutdown", "data": event})
        return orjson.dumps(event)

    def text(self, link: Link, payload: bytes) -> None:
        if link.kind == "replies":
            self.wire.send(link, "replies", self.reply(link, payload))
        else:
            self.control(link, payload)

    def control(self, link: Link, payload: bytes) -> None:
        """SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS, GET_PROPERTY, SET_PROPERTY."""
        listener: Listener = link.state
        now = self.exchange.now
        listener.times = [t for t in listener.times if now - t < 1_000 * MS]
        listener.times.append(now)
        if len(listener.times) > self.exchange.spec.limits.stream_messages_per_s:
            self.wire.close(link, 1008)
            return
        number: Any = None
        try:
            asked = orjson.loads(payload)
            number = asked.get("id")
            answer = {"result": self.controlled(link, asked), "id": number}
        except (orjson.JSONDecodeError, AttributeError):
            answer = {"error": {"code": 3, "msg": "Invalid JSON: expected value"}, "id": number}
        except ApiError as wrong:
            answer = {"error": {"code": wrong.code, "msg": wrong.msg}, "id": number}
        self.wire.send(link, "streams", orjson.dumps(answer))

    def controlled(self, link: Link, asked: dict[str, Any]) -> Any:
        listener: Listener = link.state
        method, params = asked.get("method"), asked.get("params") or []
        if not isinstance(params, list):
            raise ApiError(2, "Invalid request: params must be a list of strings")
        if method == "LIST_SUBSCRIPTIONS":
            return list(listener.names)
        if method == "GET_PROPERTY" and params == ["combined"]:
            return listener.combined
        if method == "SET_PROPERTY" and params[:1] == ["combined"] and len(params) == 2:
            listener.combined = bool(params[1])
            return None
        if not all(isinstance(n, str) for n in params):
            raise ApiError(2, "Invalid request: params must be a list of strings")
        if method == "SUBSCRIBE":
            if not self.streams.subscribe(link, params):
                raise ApiError(2, "Invalid request: too many subscriptions")
            return None
        if method == "UNSUBSCRIBE":
            self.streams.unsubscribe(link, params)
            return None
        raise ApiError(2, f"Invalid request: unknown variant `{method}`")

    # ---- the WebSocket API ------------------------------------------------------------------

    def reply(self, link: Link, payload: bytes) -> bytes:
        session: Session = link.state
        answer: dict[str, Any] = {"id": None, "status": 200}
        told = session.limits_told
        account = session.account
        try:
            asked = orjson.loads(payload)
            if not isinstance(asked, dict):
                raise ApiError(-1135, "Invalid JSON Request")
            answer["id"] = asked.get("id")
            values = asked.get("params") or {}
            if not isinstance(values, dict):
                raise ApiError(-1135, "Invalid JSON Request")
            told = values.get("returnRateLimits", told) is True
            method = asked.get("method")
            if not isinstance(method, str):
                raise ApiError(-1100, "Illegal characters found in parameter 'method'.")
            if method in PUBLIC:
                answer["result"] = PUBLIC[method](self.methods, Params(values))
            elif method in PRIVATE:
                account = self.signed(session, values)
                answer["result"] = PRIVATE[method](self.methods, account, Params(values))
            else:
                answer["result"] = self.session_method(link, method, values)
        except orjson.JSONDecodeError:
            answer |= {"status": 400, "error": {"code": -1135, "msg": "Invalid JSON Request"}}
        except ApiError as wrong:
            answer |= {"status": wrong.status, "error": wrong.body()}
        if told:
            answer["rateLimits"] = self.access.told(account)
        return orjson.dumps(answer)

    def signed(self, session: Session, values: dict[str, Any]) -> Account:
        """The account a private request is for: its signature's, else the session's."""
        p = Params(values)
        key = p.text("apiKey")
        if key is None and session.account is not None:
            self.access.check_time(p.text("timestamp"), p.text("recvWindow"))
            return session.account
        self.check_signature(p, values)
        return self.access.account(key or "")

    def check_signature(
        self, p: Params, values: dict[str, Any], ed25519_only: bool = False
    ) -> None:
        account_key = p.required("apiKey")
        self.access.account(account_key)
        self.access.check_time(p.required("timestamp"), p.text("recvWindow"))
        signature = p.required("signature")
        named = [(k, p.text(k) or "") for k in sorted(values) if k != "signature"]
        payload = "&".join(f"{k}={v}" for k, v in named).encode()
        self.access.verify(account_key, payload, signature, ed25519_only)

    def session_method(self, link: Link, method: str, values: dict[str, Any]) -> Any:
        session: Session = link.state
        p = Params(values)
        if method == "session.logon":
            self.access.spend(2)
            self.check_signature(p, values, ed25519_only=True)
            session.key = p.required("apiKey")
            session.account = self.access.account(session.key)
            session.since = self.exchange.now
            return self.session_status(session)
        if method == "session.status":
            self.access.spend(2)
            return self.session_status(session)
        if method == "session.logout":
            self.access.spend(2)
            session.key, session.account, session.since = "", None, 0
            self.end_subscriptions(link, [n for n, own in session.subscriptions.items() if own[1]])
            return self.session_status(session)
        if method == "userDataStream.subscribe":
            self.access.spend(2)
            if session.account is None:
                raise ApiError(-2015, "Invalid API-key, IP, or permissions for action.")
            return self.subscribe(session, session.account, by_logon=True)
        if method in WITHOUT_LOGON:
            self.access.spend(2)
            self.check_signature(p, values)
            account = self.access.account(p.required("apiKey"))
            return self.subscribe(session, account, by_logon=False)
        if method == "userDataStream.unsubscribe":
            self.access.spend(2)
            number = p.integer("subscriptionId")
            self.end_subscriptions(link, [*session.subscriptions] if number is None else [number])
            return {}
        if method == "session.subscriptions":
            return [{"subscriptionId": n} for n in session.subscriptions]
        raise ApiError(-1100, f"Unknown method '{method}'.")

    def subscribe(self, session: Session, account: Account, by_logon: bool) -> Any:
        number = session.subscribed
        session.subscribed += 1
        session.subscriptions[number] = (account, by_logon)
        return {"subscriptionId": number}

    def end_subscriptions(self, link: Link, numbers: list[int]) -> None:
        """Each subscription that ends says so itself, before the reply."""
        for number in numbers:
            if link.state.subscriptions.pop(number, None) is not None:
                event = {"e": "eventStreamTerminated", "E": self.exchange.now // MS}
                frame = orjson.dumps({"subscriptionId": number, "event": event})
                self.wire.send(link, "user", frame)

    def session_status(self, session: Session) -> Any:
        return {
            "apiKey": session.key or None,
            "authorizedSince": session.since // MS if session.key else None,
            "connectedSince": session.connected // MS,
            "returnRateLimits": session.limits_told,
            "serverTime": self.exchange.now // MS,
            "userDataStream": bool(session.subscriptions),
        }

    # ---- REST -----------------------------------------------------------------------------

    def request(
        self, number: int, method: str, target: str, headers: Headers, body: bytes
    ) -> tuple[int, Headers, bytes]:
        path, _, query = target.partition("?")
        name = PATHS.get((method, path))
        if name is None:
            known = any(path == other for _, other in PATHS)
            return (405 if known else 404), JSON, b'{"code":-1020,"msg":"Unsupported operation."}'
        account: Account | None = None
        status = 200
        try:
            values = dict(parse_qsl(body.decode("ascii", "replace"), keep_blank_values=True))
            values |= dict(parse_qsl(query, keep_blank_values=True))  # it counts where both say
            p = Params(values)
            if name in PUBLIC:
                result = PUBLIC[name](self.methods, p)
            else:
                account = self.authorised(p, headers, query, body)
                result = PRIVATE[name](self.methods, account, p)
        except ApiError as wrong:
            status, result = wrong.status, wrong.body()
        found = JSON | self.access.headers(account)
        if status in (418, 429):
            retry = result.get("data", {}).get("retryAfter", 0) - self.exchange.now // MS
            found["Retry-After"] = str(max(retry // 1000, 1))
        return status, found, orjson.dumps(result)

    def authorised(self, p: Params, headers: Headers, query: str, body: bytes) -> Account:
        """The signed payload is query and body joined as they came, without the signature."""
        key = headers.get("x-mbx-apikey", "")
        account = self.access.account(key)
        self.access.check_time(p.text("timestamp"), p.text("recvWindow"))
        signature = p.required("signature")
        payload = without_signature(query.encode()) + without_signature(body)
        self.access.verify(key, payload, signature)
        return account

    def refused(self, status: int, retry_after_s: int, request: bytes) -> bytes:
        """The text of a 429, a 418 or a 503 that a fault orders."""
        if status == 503:
            error: dict[str, Any] = {
                "code": -1007,
                "msg": "Timeout waiting for response from backend server. Send status unknown; "
                "execution status unknown.",
            }
        else:
            until = self.exchange.now // MS + retry_after_s * 1000
            msg = (
                f"Way too much request weight used; IP banned until {until}."
                if status == 418
                else "Too many requests queued."
            )
            error = {"code": -1003, "msg": msg}
        if not request:
            return orjson.dumps(error)
        try:
            number = orjson.loads(request).get("id")
        except (orjson.JSONDecodeError, AttributeError):
            number = None
        if status != 503:
            now = self.exchange.now // MS
            error["data"] = {"serverTime": now, "retryAfter": now + retry_after_s * 1000}
        return orjson.dumps({"id": number, "status": status, "error": error})

    # ---- what the core tells ----------------------------------------------------------------

    def reported(self, order: Order, execution: str, trade: Trade | None) -> None:
        self.methods.executions = number = self.exchange.number("execution")
        if trade is not None and order.trades[0] is trade and trade.maker:
            self.access.count_order(order.account, -1)
        if self.is_heard(order.account):
            event = say.execution_report(order, execution, trade, number, self.exchange.now)
            self.kept.append((order.account, orjson.dumps(event)))

    def balances_changed(self, account: Account, assets: set[str]) -> None:
        if self.is_heard(account):
            event = say.account_position(account, assets, self.exchange.now)
            self.kept.append((account, orjson.dumps(event)))

    def is_heard(self, account: Account) -> bool:
        return any(
            heard is account
            for link in self.sessions.values()
            for heard, _ in link.state.subscriptions.values()
        )

    def book_changed(
        self,
        market: Market,
        first_id: int,
        changes: list[tuple[int, int, int]],
        trades: list[PublicTrade],
    ) -> None:
        self.streams.book_changed(market, first_id, changes, trades)

    def forward(self, stream: str, data: bytes) -> None:
        """One captured payload, as the venue sent it."""
        self.streams.publish(stream, data)

    def turn_done(self) -> None:
        """Reports follow the reply that caused them; on the wire they race as in life."""
        if not self.kept:
            return
        kept, self.kept = self.kept, []
        for account, event in kept:
            for link in tuple(self.sessions.values()):
                for number, (heard, _) in link.state.subscriptions.items():
                    if heard is account:
                        frame = b'{"subscriptionId":%d,"event":%b}' % (number, event)
                        self.wire.send(link, "user", frame)


def without_signature(text: bytes) -> bytes:
    """A query string without its signature parameter."""
    return b"&".join(part for part in text.split(b"&") if not part.startswith(b"signature="))
