"""Quote a swap against a pool's state, one or a batch, exact to the last unit."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from engine.batch import TOO_LONG, WHY_TOO_LONG, lines_of, open_lines
from engine.errors import EXIT_NO, TiercelError, WrongUsage

if TYPE_CHECKING:
    from hotpath.pools.pool import Pool

KIND = re.compile(r"[a-z0-9_]+\Z")
Answer = Callable[[dict[str, Any], dict[str, Any] | None], dict[str, Any]]

# a line that begins with a plain id: what follows decides the answer
PLAIN_ID = re.compile(rb'\{\s*"id"\s*:\s*(-?(?:0|[1-9]\d{0,17})|"[ !#-\[\]-~]*"|null)\s*,')
REMEMBERED = 4096
PROBE = b'"whose answer is this"'


class QuoteRefused(TiercelError):
    """The pool would not do that; `reason` is a code of the batch command."""

    code = "TCL-6001"
    what = "There is no quote: {reason}"
    why = "{detail}"
    do = "Ask for another amount or limit, or check the state in {path}"
    exit_code = EXIT_NO


class PoolNotReadable(TiercelError):
    code = "TCL-6002"
    what = "{path} holds no pool that can be quoted"
    why = "{detail}"
    do = "Give one JSON object with kind and state, as a line of --batch has them"


def find_kind(kind: object) -> Any | None:
    """The module hotpath.pools.<kind>, or None where there is no such kind."""
    from importlib import import_module
    from importlib.util import find_spec

    if not isinstance(kind, str) or not KIND.match(kind):
        return None
    name = f"hotpath.pools.{kind}"
    if find_spec(name) is None:
        return None
    found = import_module(name)
    return found if hasattr(found, "answer") else None


def make_pool(kind: object, state: object, path: str) -> Pool:
    """The pool of a batch line, of whichever class its kind declares."""
    from hotpath.pools.pool import Pool, Refusal

    found = find_kind(kind)
    if found is None:
        raise PoolNotReadable(path=path, detail=f"kind names no pool that tiercel knows: {kind!r}")
    if not isinstance(state, dict):
        raise PoolNotReadable(path=path, detail="state is an object")
    for value in vars(found).values():
        own = isinstance(value, type) and value.__module__ == found.__name__
        if own and issubclass(value, Pool):
            try:
                pool: Pool = value.from_state(state)
                return pool
            except Refusal as e:
                raise PoolNotReadable(path=path, detail=e.why) from e
    raise PoolNotReadable(path=path, detail=f"the kind {kind} is quoted by --batch only")


def answer_lines(lines: Iterable[bytes]) -> Iterator[bytes]:
    """One JSON line out for each line in that is not blank, in order; a wrong one stops nothing.

    An answer is a function of its line without the id, so the last few thousand are remembered by
    those bytes: a batch that asks the same again is not computed again.
    """
    remembered: dict[bytes, bytes] = {}
    answers: dict[str, Answer] = {}
    for line in lines:
        start = PLAIN_ID.match(line)
        if start is None:
            if line.strip():
                yield answer_line(line, answers)
            continue
        rest = line[start.end() :]
        known = remembered.get(rest)
        if known is not None:
            yield b'{"id":' + start.group(1) + known
            continue
        out = answer_line(line, answers)
        prefix = b'{"id":' + start.group(1)
        if out.startswith(prefix) and keeps_id(rest):
            if len(remembered) >= REMEMBERED:
                remembered.clear()
            remembered[rest] = out[len(prefix) :]
        yield out


def keeps_id(rest: bytes) -> bool:
    """Whether a line ending in `rest` has the id it begins with: a later member "id" would win."""
    import orjson

    if b"\\" in rest or PROBE in rest:
        return False
    return bool(orjson.loads(b'{"id":' + PROBE + b"," + rest)["id"] == orjson.loads(PROBE))


def answer_line(line: bytes, answers: dict[str, Answer]) -> bytes:
    """The answer to one line; `answers` remembers the kinds met so far."""
    import orjson

    from hotpath.pools.pool import Refusal

    def refuse(id_: object, code: str, why: str) -> bytes:
        return orjson.dumps({"id": id_, "error": {"code": code, "why": why}}) + b"\n"

    if line is TOO_LONG:
        return refuse(None, "bad_line", WHY_TOO_LONG)
    try:
        request = orjson.loads(line)
    except orjson.JSONDecodeError as e:
        return refuse(None, "bad_line", f"not JSON: {e}")
    if not isinstance(request, dict):
        return refuse(None, "bad_line", "a line is an object with id, kind, state and swap")
    id_, kind = request.get("id"), request.get("kind")
    answer = answers.get(kind) if isinstance(kind, str) else None
    if answer is None:
        found = find_kind(kind)
        if found is None:
            return refuse(id_, "bad_kind", "kind names no pool that tiercel knows")
        answer = answers[str(kind)] = found.answer
    state, swap = request.get("state"), request.get("swap")
    if not isinstance(state, dict) or not isinstance(swap, dict | None):
        return refuse(id_, "bad_field", "state is an object, and swap where it is given")
    try:
        return orjson.dumps({"id": id_, "result": answer(state, swap)}) + b"\n"
    except Refusal as e:
        return refuse(id_, e.code, e.why)


def read_object(path: str) -> dict[str, Any]:
    """The one JSON object in a file."""
    import orjson

    with open_lines(path) as f:
        try:
            document = orjson.loads(f.read())
        except orjson.JSONDecodeError as e:
            raise PoolNotReadable(path=path, detail=f"not JSON: {e}") from e
    if not isinstance(document, dict):
        raise PoolNotReadable(path=path, detail="not an object")
    return document


def whole_number(text: str, name: str) -> int:
    if not re.fullmatch(r"\d{1,78}", text) or int(text) >> 256:
        detail = f"{name} is a decimal integer of at most 256 bits"
        raise WrongUsage(detail=detail, command="tiercel quote")
    return int(text)


def quote_one(
    path: str, coin: int, amount: str, exact_out: bool, limit: str | None
) -> dict[str, Any]:
    """One quote as an object; QuoteRefused where there is none."""
    from hotpath.pools.pool import Status

    document = read_object(path)
    pool = make_pool(document.get("kind"), document.get("state"), path)
    size = whole_number(amount, "the amount")
    to = whole_number(limit, "--limit") if limit is not None else None
    quote = (pool.quote_out if exact_out else pool.quote_in)(coin, size, to)
    if quote.status not in (Status.OK, Status.PARTIAL):
        reason = quote.status.name.lower()
        detail = "the pool would not execute this swap in this state"
        raise QuoteRefused(reason=reason, detail=detail, path=path)
    return {
        "kind": document["kind"],
        "status": quote.status.name.lower(),
        "in": coin,
        "amount_in": str(quote.amount_in),
        "amount_out": str(quote.amount_out),
        "fee": str(quote.fee),
        "price_after": str(quote.price_after),
        "crossed": quote.crossed,
        "tick_after": quote.tick_after,
        "cost": quote.cost,
    }


def route(path: str) -> dict[str, Any]:
    """The best split of one order over the pools and books of a file; QuoteRefused without one.

    The file: `{"pools": [{"kind", "state", "cost"?}, ...], "books": [{"bids", "asks",
    "fee_bps"?, "cost"?}, ...], "in", "amount"}`; all are of the same two coins in the same order,
    `in` is the coin paid in. `cost`: of using the venue at all, in units of the coin paid out.
    """
    from hotpath.pools.ladder import Ladder
    from hotpath.pools.pool import Refusal
    from hotpath.pools.route import split

    document = read_object(path)
    coin = document.get("in")
    coin = int(coin) if isinstance(coin, str) and coin in ("0", "1") else coin
    amount = document.get("amount")
    if isinstance(coin, bool) or coin not in (0, 1):
        raise PoolNotReadable(path=path, detail="in is 0 or 1, the coin paid in")
    if isinstance(amount, bool) or not re.fullmatch(r"\d{1,78}", str(amount)):
        raise PoolNotReadable(path=path, detail="amount is a decimal integer")
    venues: list[Pool] = []
    costs: list[int] = []
    names: list[dict[str, Any]] = []
    for kind in ("pools", "books"):
        members = document.get(kind, [])
        if not isinstance(members, list):
            raise PoolNotReadable(path=path, detail=f"{kind} is a list")
        for i, member in enumerate(members):
            cost = member.get("cost", 0) if isinstance(member, dict) else 0
            if isinstance(cost, bool) or not re.fullmatch(r"\d{1,60}", str(cost)):
                detail = f"the cost of {kind} {i} is a decimal integer of at most 60 digits"
                raise PoolNotReadable(path=path, detail=detail)
            costs.append(int(str(cost)))
            if kind == "pools":
                if not isinstance(member, dict):
                    raise PoolNotReadable(path=path, detail="a pool is a batch line")
                venues.append(make_pool(member.get("kind"), member.get("state"), path))
                names.append({"pool": i, "kind": member.get("kind")})
                continue
            try:
                venues.append(Ladder.from_state(member))
            except Refusal as e:
                raise PoolNotReadable(path=path, detail=f"book {i}: {e.why}") from e
            names.append({"book": i})
    try:
        parts = split(venues, coin, int(str(amount)), costs)
    except Refusal as e:
        raise QuoteRefused(reason=e.code, detail=e.why, path=path) from e
    rows = [
        name | {"amount_in": str(paid), "amount_out": str(out)}
        for name, (paid, out) in zip(names, parts, strict=True)
    ]
    total = sum(out for _, out in parts)
    answer = {"in": coin, "amount_in": str(amount), "amount_out": str(total), "parts": rows}
    if any(costs):
        paid_for = [cost if paid else 0 for cost, (paid, _) in zip(costs, parts, strict=True)]
        for row, cost in zip(rows, paid_for, strict=True):
            row["cost"] = str(cost)
        answer |= {"cost": str(sum(paid_for)), "net": str(total - sum(paid_for))}
    return answer


def print_route(answer: dict[str, Any]) -> None:
    coin = answer["in"]
    for part in answer["parts"]:
        name = f"book {part['book']}" if "book" in part else f"pool {part['pool']} ({part['kind']})"
        print(f"{name}: pay {part['amount_in']}, receive {part['amount_out']}")
    paid, out = answer["amount_in"], answer["amount_out"]
    print(f"the whole: pay {paid} of coin {coin}, receive {out} of coin {1 - coin}")
    if "cost" in answer:
        print(f"costs of the venues used: {answer['cost']}, so {answer['net']} net")


@click.command()
@click.option("--pool", "pool_file", metavar="FILE", help="A batch line without id and swap.")
@click.option("--in", "coin", type=click.IntRange(0, 1), help="Index of the coin paid in.")
@click.option("--exact-in", metavar="AMOUNT", help="Pay exactly this, in smallest units.")
@click.option("--exact-out", metavar="AMOUNT", help="Receive exactly this, in smallest units.")
@click.option("--limit", metavar="P", help="Stop at this price (the kind's own integer).")
@click.option("--batch", metavar="FILE", help="JSON lines to answer; - reads standard input.")
@click.option("--route", "route_file", metavar="FILE", help="Split one order over many venues.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    pool_file: str | None,
    coin: int | None,
    exact_in: str | None,
    exact_out: str | None,
    limit: str | None,
    batch: str | None,
    route_file: str | None,
    as_json: bool,
) -> None:
    """Quote a swap against a pool's state, one or a batch, exact to the last unit."""
    if [pool_file, batch, route_file].count(None) != 2:
        detail = "one of --pool, --batch and --route is needed"
        raise WrongUsage(detail=detail, command="tiercel quote")
    if batch is not None:
        out = sys.stdout.buffer
        with open_lines(batch) as lines:
            for line in answer_lines(lines_of(lines)):
                out.write(line)
        out.flush()
        return
    if route_file is not None:
        routed = route(route_file)
        if as_json:
            import orjson

            sys.stdout.buffer.write(orjson.dumps(routed) + b"\n")
        else:
            print_route(routed)
        return
    assert pool_file is not None
    amount = exact_in if exact_in is not None else exact_out
    if coin is None or amount is None or (exact_in is not None and exact_out is not None):
        detail = "--pool needs --in and one of --exact-in and --exact-out"
        raise WrongUsage(detail=detail, command="tiercel quote")
    answer = quote_one(pool_file, coin, amount, exact_out is not None, limit)
    if as_json:
        import orjson

        sys.stdout.buffer.write(orjson.dumps(answer) + b"\n")
        return
    print(f"{answer['kind']}: pay {answer['amount_in']} of coin {coin}")
    print(f"receive {answer['amount_out']} of coin {1 - coin} ({answer['status']})")
    print(f"fee {answer['fee']}, {answer['crossed']} ticks or bins crossed, cost {answer['cost']}")
    print(f"price after {answer['price_after']}")
