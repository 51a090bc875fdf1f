"""Sign, build or decode a venue's messages, line by line, as its own code does."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import click

from engine.batch import TOO_LONG, WHY_TOO_LONG, lines_of, open_lines
from engine.errors import TiercelError, WrongUsage


def answer(request: Mapping[str, Any]) -> Any:
    """The result of one line; TiercelError or ValueError say what is wrong with it."""
    from engine.wiring import load_feed_decode, load_venue

    venue = load_venue(str(request.get("venue")))
    op = request.get("op")
    if op == "sign":
        scheme, key, text = (request.get(k) for k in ("scheme", "key", "text"))
        if not isinstance(scheme, str) or not isinstance(key, str) or not isinstance(text, str):
            raise ValueError("sign needs scheme, key and text")
        return {"signature": venue.sign(scheme, key, text)}
    if op == "request":
        intent, credentials = request.get("intent"), request.get("credentials")
        time_ms = request.get("time_ms")
        if not isinstance(intent, dict) or not isinstance(credentials, dict):
            raise ValueError("request needs intent and credentials as objects")
        if not isinstance(time_ms, int) or isinstance(time_ms, bool):
            raise ValueError("request needs time_ms, a whole number")
        return venue.request(intent, credentials, time_ms)
    if op == "decode":
        frame = request.get("frame")
        if isinstance(frame, (dict, list)):
            frame = json.dumps(frame, default=str)
        if not isinstance(frame, str):
            raise ValueError("decode needs a frame")
        found = venue.decode(frame)
        feed = load_feed_decode(str(request.get("venue")))
        if feed is None or any(r["type"] != "not_mine" for r in found):
            return found
        # not of the order socket: perhaps of the market streams, which the feed reads
        seen = feed(frame)
        mine = all(r["type"] in ("trade", "book_change", "book_ticker") for r in seen)
        return seen if mine and seen else found
    raise ValueError("op is sign, request or decode")


def no_number(spelled: str) -> Any:
    """NaN and the infinities are no JSON: the answer could not repeat them."""
    raise ValueError(f"{spelled} is no JSON number")


def read_id(line: bytes, number: object) -> object:
    """The id as the line spells it: exact decimals are for prices, an id stays a JSON number."""
    if number is None or isinstance(number, (str, int)):
        return number
    return json.loads(line)["id"]


def answer_lines(lines: Iterable[bytes]) -> Iterator[bytes]:
    """One JSON line out for each that is not blank, in order; a bad one stops nothing."""
    for line in lines:
        if not line.strip():
            continue
        number: object = None
        try:
            if line is TOO_LONG:
                raise ValueError(WHY_TOO_LONG)
            # decimals stay exact: a price never passes through a float
            request = json.loads(line, parse_float=Decimal, parse_constant=no_number)
            if not isinstance(request, dict):
                raise ValueError("a line is an object with id, venue and op")
            number = read_id(line, request.get("id"))
            found: dict[str, Any] = {"id": number, "result": answer(request)}
        except TiercelError as wrong:
            found = {"id": number, "error": wrong.sentences()}
        except (ValueError, TypeError, ArithmeticError, RecursionError) as wrong:
            found = {"id": number, "error": {"code": "bad_line", "why": str(wrong)}}
        yield json.dumps(found, default=str).encode() + b"\n"


@click.command()
@click.option("--batch", metavar="FILE", help="JSON lines to answer; - reads standard input.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(batch: str | None, as_json: bool) -> None:
    """Sign, build or decode a venue's messages, line by line, as its own code does."""
    if batch is None:
        raise WrongUsage(detail="--batch FILE is needed", command="tiercel codec")
    with open_lines(batch) as lines:
        for line in answer_lines(lines_of(lines)):
            sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()
