"""Quote a swap against a pool's state, one or a batch, exact to the last unit."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO

import click

from engine.errors import FileNotReadable, WrongUsage

KIND = re.compile(r"[a-z0-9_]+\Z")
Answer = Callable[[dict[str, Any], dict[str, Any] | None], dict[str, Any]]


def find_answer(kind: object) -> Answer | None:
    """The `answer(state, swap)` of hotpath/pools/<kind>, or None where there is no such kind."""
    from importlib import import_module
    from importlib.util import find_spec

    if not isinstance(kind, str) or not KIND.match(kind):
        return None
    name = f"hotpath.pools.{kind}"
    if find_spec(name) is None:
        return None
    answer: Answer | None = getattr(import_module(name), "answer", None)
    return answer


def answer_lines(lines: Iterable[bytes]) -> Iterator[bytes]:
    """One JSON line out for each line in that is not blank, in order; a wrong one stops nothing."""
    import orjson

    from hotpath.pools.pool import Refusal

    answers: dict[str, Answer] = {}
    loads, dumps = orjson.loads, orjson.dumps

    def refuse(id_: object, code: str, why: str) -> bytes:
        return dumps({"id": id_, "error": {"code": code, "why": why}}) + b"\n"

    for line in lines:
        if not line.strip():
            continue
        try:
            request = loads(line)
        except orjson.JSONDecodeError as e:
            yield refuse(None, "bad_line", f"not JSON: {e}")
            continue
        if not isinstance(request, dict):
            yield refuse(None, "bad_line", "a line is an object with id, kind, state and swap")
            continue
        id_, kind = request.get("id"), request.get("kind")
        answer = answers.get(kind) if isinstance(kind, str) else None
        if answer is None:
            answer = find_answer(kind)
            if answer is None:
                yield refuse(id_, "bad_kind", "kind names no pool that tiercel knows")
                continue
            answers[str(kind)] = answer
        state, swap = request.get("state"), request.get("swap")
        if not isinstance(state, dict) or not isinstance(swap, dict | None):
            yield refuse(id_, "bad_field", "state is an object, and swap where it is given")
            continue
        try:
            result = answer(state, swap)
        except Refusal as e:
            yield refuse(id_, e.code, e.why)
            continue
        yield dumps({"id": id_, "result": result}) + b"\n"


def open_lines(path: str) -> BinaryIO:
    if path == "-":
        return sys.stdin.buffer
    try:
        return open(path, "rb")
    except OSError as e:
        raise FileNotReadable(path=path, detail=e.strerror or str(e)) from e


@click.command()
@click.option("--batch", metavar="FILE", help="JSON lines to answer; - reads standard input.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(batch: str | None, as_json: bool) -> None:
    """Quote a swap against a pool's state, one or a batch, exact to the last unit."""
    if batch is None:
        raise WrongUsage(detail="--batch FILE is needed", command="tiercel quote")
    out = sys.stdout.buffer
    with open_lines(batch) as lines:
        for line in answer_lines(lines):
            out.write(line)
    out.flush()
