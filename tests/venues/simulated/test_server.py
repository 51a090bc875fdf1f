"""Over real sockets with plain clients: streams, REST, the WebSocket API, restart, signals."""

from __future__ import annotations

import contextlib
import json
import resource
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from tests.venues.simulated.process import Exchange


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    """An exchange without flow: only what a test puts into the book is there."""
    with Exchange(tmp_path_factory.mktemp("quiet")) as exchange:
        yield exchange


def test_two_customers_trade_and_both_hear_of_it(quiet: Exchange) -> None:
    with quiet.api("EKEY") as seller, quiet.api("HKEY") as buyer:
        rest = seller.place("SELL", "50000.00", "0.5", newClientOrderId="rest-1")
        assert rest["status"] == 200
        assert rest["result"]["status"] == "NEW"
        taken = buyer.place("BUY", "50010.00", "0.2", newClientOrderId="take-1")
        assert taken["result"]["status"] == "FILLED"
        assert taken["result"]["fills"][0]["price"] == "50000.00000000"
        assert taken["result"]["fills"][0]["commission"] == "0.00005000"  # 2.5 bps of 0.2 BTC
        ours, theirs = buyer.event("TRADE"), seller.event("TRADE")
        assert (ours["m"], theirs["m"]) == (False, True)
        assert (ours["t"], ours["c"], theirs["c"]) == (theirs["t"], "take-1", "rest-1")
        assert theirs["n"] == "1.00000000"  # 1 bps of 10000 USDT
        seen = seller.until(lambda m: m.get("event", {}).get("e") == "outboundAccountPosition")
        assert {b["a"]: (b["f"], b["l"]) for b in seen["event"]["B"]} == {
            "BTC": ("9.50000000", "0.30000000"),
            "USDT": ("1009999.00000000", "0.00000000"),
        }
        gone = seller.order("order.cancel", symbol="BTCUSDT", origClientOrderId="rest-1")
        assert gone["result"]["status"] == "CANCELED"
        assert gone["result"]["executedQty"] == "0.20000000"
        event = seller.event("CANCELED")
        assert (event["C"], event["c"]) == ("rest-1", gone["result"]["clientOrderId"])


def test_the_streams_of_a_live_market_rebuild_its_book(tmp_path: Path) -> None:
    flow = {"maker_events_per_s": 600, "taker_events_per_s": 60}
    with Exchange(tmp_path, flow=flow) as exchange:
        names = "btcusdt@depth@100ms/btcusdt@bookTicker/btcusdt@trade/btcusdt@depth@0ms"
        with exchange.ws(f"/stream?streams={names}") as ws:
            frames = []
            book: dict[str, dict[str, str]] = {}
            local = 0
            end = time.monotonic() + 3
            while time.monotonic() < end:
                frames.append(json.loads(ws.recv(5)))
                if len(frames) == 50:
                    snapshot = exchange.rest("GET", "/api/v3/depth", symbol="BTCUSDT", limit=5000)
                    found = snapshot.json()
                    local = found["lastUpdateId"]
                    book = {k[0]: dict(found[k]) for k in ("bids", "asks")}
        streams = {f["stream"].partition("@")[2] for f in frames}
        assert streams == {"depth@100ms", "bookTicker", "trade", "depth@0ms"}
        joined = last_top = 0
        tickers = [f["data"] for f in frames if f["stream"].endswith("bookTicker")]
        for d in (f["data"] for f in frames if f["stream"].endswith("depth@100ms")):
            if d["u"] <= local:
                continue
            assert d["U"] <= local + 1
            assert joined == 0 or d["U"] == local + 1, "a gap"
            for side, changes in (("b", d["b"]), ("a", d["a"])):
                for price, quantity in changes:
                    if float(quantity):
                        book[side][price] = quantity
                    else:
                        book[side].pop(price, None)
            local = d["u"]
            joined += 1
            bid = max(book["b"], key=float)
            ask = min(book["a"], key=float)
            top = [t for t in tickers if t["u"] <= local][-1:]
            for t in top:
                last_top += 1
                assert (t["b"], t["B"]) == (bid, book["b"][bid])
                assert (t["a"], t["A"]) == (ask, book["a"][ask])
        assert joined > 5
        assert last_top > 5
        each = [f["data"] for f in frames if f["stream"].endswith("depth@0ms")]
        assert all(a["u"] + 1 == b["U"] for a, b in pairwise(each))


def test_subscriptions_are_made_listed_and_ended(quiet: Exchange) -> None:
    with quiet.ws("/ws") as ws, quiet.api("EKEY", user_data=False) as api:

        def ask(method: str, *params: str) -> object:
            ws.send(json.dumps({"method": method, "params": list(params), "id": 7}))
            return json.loads(ws.recv(5))

        assert ask("SUBSCRIBE", "btcusdt@bookTicker") == {"result": None, "id": 7}
        assert ask("LIST_SUBSCRIPTIONS") == {"result": ["btcusdt@bookTicker"], "id": 7}
        api.place("BUY", "100.00", "0.1", newClientOrderId="subscribed")
        top = json.loads(ws.recv(5))
        assert (top["s"], top["b"], top["A"]) == ("BTCUSDT", "100.00000000", "0.00000000")
        assert ask("UNSUBSCRIBE", "btcusdt@bookTicker") == {"result": None, "id": 7}
        api.order("order.cancel", symbol="BTCUSDT", origClientOrderId="subscribed")
        assert ask("LIST_SUBSCRIPTIONS") == {"result": [], "id": 7}


def test_rest_places_queries_replaces_and_cancels(quiet: Exchange) -> None:
    place = quiet.rest(
        "POST",
        "/api/v3/order",
        "HKEY",
        symbol="BTCUSDT",
        side="BUY",
        type="LIMIT_MAKER",
        price="1000",
        quantity="0.1",
        newClientOrderId="r:1",
        newOrderRespType="RESULT",
    )
    assert place.status_code == 200, place.text
    assert int(place.headers["X-MBX-ORDER-COUNT-10S"]) >= 1
    number = place.json()["orderId"]
    found = quiet.rest("GET", "/api/v3/order", "HKEY", symbol="BTCUSDT", origClientOrderId="r:1")
    assert (found.json()["orderId"], found.json()["status"]) == (number, "NEW")
    replaced = quiet.rest(
        "POST",
        "/api/v3/order/cancelReplace",
        "HKEY",
        symbol="BTCUSDT",
        side="BUY",
        type="LIMIT",
        timeInForce="GTC",
        price="1001",
        quantity="0.1",
        cancelReplaceMode="STOP_ON_FAILURE",
        cancelOrigClientOrderId="r:1",
        newClientOrderId="r:2",
    ).json()
    assert (replaced["cancelResult"], replaced["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    open_ = quiet.rest("GET", "/api/v3/openOrders", "HKEY", symbol="BTCUSDT").json()
    assert [o["clientOrderId"] for o in open_] == ["r:2"]
    account = quiet.rest("GET", "/api/v3/account", "HKEY").json()
    assert {b["asset"]: b["locked"] for b in account["balances"]}["USDT"] == "100.10000000"
    gone = quiet.rest("DELETE", "/api/v3/openOrders", "HKEY", symbol="BTCUSDT").json()
    assert [o["origClientOrderId"] for o in gone] == ["r:2"]
    every = quiet.rest("GET", "/api/v3/allOrders", "HKEY", symbol="BTCUSDT").json()
    assert [o["status"] for o in every if o["clientOrderId"][:2] == "r:"] == ["CANCELED"] * 2


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"price": "1000.005"}, -1013),
        ({"price": "1000.000000005"}, -1111),
        ({"quantity": "0.000005"}, -1013),
        ({"quantity": "0.001", "price": "1000"}, -1013),
        ({"price": "x"}, -1100),
        ({"side": "HOLD"}, -1117),
        ({"type": "STOP"}, -1116),
        ({"timeInForce": "GTD"}, -1115),
        ({"symbol": "NOPE"}, -1121),
        ({"price": ""}, -1102),
        ({"quantity": "9000"}, -2010),
        ({"newClientOrderId": "no spaces"}, -1100),
    ],
)
def test_a_wrong_order_is_refused_with_its_code(
    quiet: Exchange, change: dict[str, str], code: int
) -> None:
    order = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "price": "1000.00",
        "quantity": "0.01",
    } | change
    answer = quiet.rest("POST", "/api/v3/order", "HKEY", **order)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert quiet.rest("GET", "/api/v3/openOrders", "HKEY", symbol="BTCUSDT").json() == []


def test_wrong_signature_key_and_time_are_refused(quiet: Exchange) -> None:
    with quiet.api(None) as api:
        asked = {"apiKey": "HKEY", "timestamp": 1, "signature": "00"}
        assert api.ask("account.status", **asked)["error"]["code"] == -1021
        asked["timestamp"] = time.time_ns() // 1_000_000
        assert api.ask("account.status", **asked)["error"]["code"] == -1022
        asked["apiKey"] = "nobody"
        assert api.ask("account.status", **asked)["error"]["code"] == -2015
        asked["timestamp"] += 5000
        asked["apiKey"] = "HKEY"
        assert api.ask("account.status", **asked)["error"]["code"] == -1021
        assert api.signed("session.logon", "HKEY")["error"]["code"] == -1022  # Ed25519 only
        assert api.signed("account.status", "EKEY")["status"] == 200
    answer = quiet.rest("GET", "/api/v3/account", "HKEY", recvWindow="70000")
    assert answer.json()["code"] == -1131
    for wrong in ("inf", "nan", "soon"):
        answer = quiet.rest("GET", "/api/v3/account", "HKEY", recvWindow=wrong)
        assert answer.json()["code"] == -1100, wrong
    with quiet.api(None) as api:
        asked = {"apiKey": "HKEY", "timestamp": "\u00b2", "signature": "00"}
        assert api.ask("account.status", **asked)["error"]["code"] == -1102
        assert api.signed("myTrades", "EKEY", symbol="BTCUSDT", limit="\u00b2")["status"] == 400


def test_a_client_id_is_refused_while_its_order_is_open_and_free_again_after(
    quiet: Exchange,
) -> None:
    with quiet.api("EKEY") as api:
        assert api.place("BUY", "1000", "0.1", newClientOrderId="same")["status"] == 200
        again = api.place("BUY", "1000", "0.1", newClientOrderId="same")
        assert (again["status"], again["error"]["msg"]) == (400, "Duplicate order sent.")
        api.order("order.cancel", symbol="BTCUSDT", origClientOrderId="same")
        assert api.place("BUY", "1000", "0.1", newClientOrderId="same")["status"] == 200
        api.order("openOrders.cancelAll", symbol="BTCUSDT")


def test_kill_9_loses_nothing_and_the_ledger_is_gone_on_from(tmp_path: Path) -> None:
    exchange = Exchange(tmp_path)
    with exchange:
        with exchange.api("EKEY") as one, exchange.api("HKEY") as two:
            for n in range(5):
                one.place("SELL", f"{50000 + n}.00", "0.1", newClientOrderId=f"s{n}")
            two.place("BUY", "50001.00", "0.15", newClientOrderId="b")
            one.order("order.cancel", symbol="BTCUSDT", origClientOrderId="s4")
            amended = one.order(
                "order.amend.keepPriority",
                symbol="BTCUSDT",
                origClientOrderId="s3",
                newQty="0.04",
                newClientOrderId="s3b",
            )
            assert amended["result"]["amendedOrder"]["qty"] == "0.04000000"

        def state() -> list[object]:
            found: list[object] = []
            for key in ("EKEY", "HKEY"):
                for path in ("openOrders", "allOrders", "myTrades"):
                    found.append(
                        exchange.rest("GET", f"/api/v3/{path}", key, symbol="BTCUSDT").json()
                    )
                found.append(exchange.rest("GET", "/api/v3/account", key).json()["balances"])
            depth = exchange.rest("GET", "/api/v3/depth", symbol="BTCUSDT").json()
            return [*found, depth["bids"], depth["asks"]]

        before, lines = state(), exchange.lines()
        exchange.end(signal.SIGKILL)
        with exchange.ledger.open("ab") as torn:
            torn.write(b'{"n":999,"torn')
        exchange.start()
        assert state() == before
        assert exchange.lines()[: len(lines)] == lines
        with exchange.api("EKEY") as one:
            placed = one.place("BUY", "1000", "0.1")["result"]["orderId"]
        known = [line["order_id"] for line in lines if line["t"] == "order"]
        assert placed > max(known), "order numbers are never used twice"
        numbers = [line["n"] for line in exchange.lines()]
        assert numbers == list(range(1, len(numbers) + 1))


def test_what_was_told_before_a_kill_is_in_the_ledger(tmp_path: Path) -> None:
    """Under fire: whatever reply or report reached us, its line was written before it left."""
    flow = {"maker_events_per_s": 500, "taker_events_per_s": 100}
    limits = {"orders_per_10s": 100_000, "weight_per_minute": 1_000_000}
    exchange = Exchange(tmp_path, flow=flow, limits=limits)
    with exchange:
        told: dict[str, set[object]] = {"order": set(), "fill": set(), "done": set()}
        for storm in range(4):
            with exchange.api("EKEY") as api:
                top = exchange.rest("GET", "/api/v3/ticker/bookTicker", symbol="BTCUSDT").json()
                sent = [
                    api.send(
                        "order.place",
                        {
                            "symbol": "BTCUSDT",
                            "side": "BUY" if n % 2 else "SELL",
                            "type": "LIMIT",
                            "timeInForce": "IOC" if n % 3 else "GTC",
                            "price": top["askPrice"] if n % 2 else top["bidPrice"],
                            "quantity": "0.001",
                            "newClientOrderId": f"s{storm}-{n}",
                            "timestamp": time.time_ns() // 1_000_000,
                        },
                    )
                    for n in range(60)
                ]
                api.answer(sent[10 * storm + 20])
                assert exchange.process is not None
                exchange.process.kill()
                with contextlib.suppress(ConnectionClosed, TimeoutError):
                    api.until(lambda m: m.get("id") == -1, 5)
                for event in api.events:
                    if event["e"] != "executionReport":
                        continue
                    told["order"].add(event["i"])
                    if event["x"] == "TRADE":
                        told["fill"].add(event["t"])
                    elif event["x"] in ("EXPIRED", "CANCELED"):
                        told["done"].add(event["i"])
            exchange.end(signal.SIGKILL)
            exchange.start()
        lines = exchange.lines()
        for kind, name in (("order", "order_id"), ("fill", "trade_id"), ("done", "order_id")):
            written = {line[name] for line in lines if line["t"] == kind}
            assert told[kind] <= written
        assert told["order"]
        assert told["fill"]


def test_what_the_ledger_could_not_keep_is_told_to_nobody(tmp_path: Path) -> None:
    """A disk that takes no more ends the exchange; every reply that left is in the ledger."""
    with Exchange(tmp_path, limits={"orders_per_10s": 100_000}) as exchange:
        told: set[object] = set()
        for room in (150, 700, 3001):
            with exchange.api("EKEY") as api:
                assert exchange.process is not None
                size = exchange.ledger.stat().st_size + room
                resource.prlimit(exchange.process.pid, resource.RLIMIT_FSIZE, (size, size))
                for n in range(60):
                    with contextlib.suppress(ConnectionClosed):
                        api.send("order.place", buy(f"f{room}-{n}"))
                with contextlib.suppress(ConnectionClosed, TimeoutError):
                    api.until(lambda m: m.get("id") == -1, 5)
                told |= {e["i"] for e in api.events if e["e"] == "executionReport"}
            assert exchange.process.wait(15) == 1
            exchange.end()
            assert "TCL-5214" in (tmp_path / "stderr").read_text()
            exchange.start()
        assert told <= {line["order_id"] for line in exchange.lines() if line["t"] == "order"}
        assert len(told) > 5
        with exchange.api("EKEY") as api:
            assert api.answer(api.send("order.place", buy("after")))["status"] == 200


def buy(client_id: str) -> dict[str, Any]:
    """A small order that rests far below the market."""
    words = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
    now = time.time_ns() // 1_000_000
    amounts = {"price": "40000.00", "quantity": "0.001"}
    return words | amounts | {"newClientOrderId": client_id, "timestamp": now}


def test_a_connection_lives_its_time_and_is_told_before_it_ends(tmp_path: Path) -> None:
    with (
        Exchange(tmp_path, connection_life_ms=700, farewell_ms=300) as exchange,
        exchange.ws("/stream?streams=btcusdt@trade") as ws,
    ):
        begun = time.monotonic()
        assert json.loads(ws.recv(5))["stream"] == "!serverShutdown"
        with pytest.raises(ConnectionClosed) as closed:
            ws.recv(5)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
        assert 0.5 < time.monotonic() - begun < 3


def test_a_user_data_subscription_says_when_it_ends(quiet: Exchange) -> None:
    with quiet.api("EKEY") as api:
        assert api.ask("session.subscriptions")["result"] == [{"subscriptionId": 0}]
        assert api.ask("session.logout")["result"]["userDataStream"] is False
        assert [e["e"] for e in api.events] == ["eventStreamTerminated"]
        refused = api.order("account.status")
        assert refused["error"]["code"] == -1102, "nobody is logged on"


def test_a_busy_port_and_a_missing_spec_are_coded_errors(quiet: Exchange, tmp_path: Path) -> None:
    exchange = Exchange(tmp_path, ws_port=quiet.ready["ws_port"])
    for spec, words in ((tmp_path / "spec.json", "in use"), (tmp_path / "no.json", "No such file")):
        ran = subprocess.run(
            [sys.executable, "-m", "venues.simulated", "--spec", spec],
            capture_output=True,
            text=True,
            timeout=30,
            cwd=Path(__file__).resolve().parents[3],
        )
        assert ran.returncode in (1, 2)
        assert ran.stderr.startswith("TCL-5201:")
        assert words in ran.stderr
    assert exchange.process is None


def test_a_control_socket_may_lie_deeper_than_an_address_can_say(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    with (
        Exchange(tmp_path, control=str(deep / "c.sock")) as exchange,
        socket.socket(socket.AF_UNIX) as s,
    ):
        assert stat.S_IMODE((deep / "c.sock").stat().st_mode) == 0o600
        (tmp_path / "near").symlink_to(deep)
        s.connect(str(tmp_path / "near" / "c.sock"))
        s.sendall(b'{"op":"status"}\n')
        assert json.loads(s.makefile().readline())["ok"]
        assert exchange.end(signal.SIGTERM) == 0
    assert list(deep.iterdir()) == []


def test_sigterm_ends_it_in_order_and_a_second_one_on_its_ledger_is_refused(
    tmp_path: Path,
) -> None:
    with Exchange(tmp_path) as exchange:
        second = subprocess.run(
            [sys.executable, "-m", "venues.simulated", "--spec", str(tmp_path / "spec.json")],
            capture_output=True,
            text=True,
            timeout=30,
            cwd=Path(__file__).resolve().parents[3],
        )
        assert second.returncode == 2
        assert second.stderr.startswith("TCL-5203:")
        with exchange.ws("/ws/btcusdt@trade") as ws:
            assert exchange.end(signal.SIGTERM) == 0
            with pytest.raises(Exception, match="1001"):
                ws.recv(5)
        assert not (tmp_path / "c.sock").exists()


def test_it_ends_when_its_parent_does(tmp_path: Path) -> None:
    Exchange(tmp_path)
    program = (
        "import os, subprocess, sys\n"
        "p = subprocess.Popen([sys.executable, '-m', 'venues.simulated', '--spec', sys.argv[1],"
        " '--parent', str(os.getpid())], stdout=subprocess.PIPE)\n"
        "print(p.stdout.readline().decode(), flush=True)\n"
        "sys.stdin.read()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "spec.json")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[3],
    )
    assert parent.stdout is not None
    assert parent.stdin is not None
    child = json.loads(parent.stdout.readline())["pid"]
    parent.kill()
    parent.wait(5)
    parent.stdout.close()
    parent.stdin.close()
    end = time.monotonic() + 10
    while Path(f"/proc/{child}").exists() and "Z" not in state_of(child):
        assert time.monotonic() < end, "the exchange outlived its parent"
        time.sleep(0.05)


def state_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"
