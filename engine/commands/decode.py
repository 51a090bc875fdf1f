"""Decode Solana account bytes into named members."""

from __future__ import annotations

import base64
import binascii
import sys
from collections.abc import Iterable, Iterator

import click

from engine.batch import TOO_LONG, WHY_TOO_LONG, lines_of, open_lines
from engine.errors import WrongUsage

# the largest account that Solana allows is 10 MiB
MOST_TEXT = 4 * (10 * 1024 * 1024 // 3 + 1)


def decode_lines(lines: Iterable[bytes]) -> Iterator[bytes]:
    """One JSON line out for each line in that is not blank, in order; a wrong one stops nothing.

    In: {"id", "layout", "data_base64"}. Out: {"id", "result"} with the members of the official
    decoders, or {"id", "error": {"code", "why"}} with code bad_line or bad_field.
    """
    import orjson

    from hotpath.pools.layouts import decode
    from hotpath.pools.pool import Refusal

    def refuse(id_: object, code: str, why: str) -> bytes:
        return orjson.dumps({"id": id_, "error": {"code": code, "why": why}}) + b"\n"

    for line in lines:
        if not line.strip():
            continue
        if line is TOO_LONG:
            yield refuse(None, "bad_line", WHY_TOO_LONG)
            continue
        try:
            request = orjson.loads(line)
        except orjson.JSONDecodeError as e:
            yield refuse(None, "bad_line", f"not JSON: {e}")
            continue
        if not isinstance(request, dict):
            yield refuse(None, "bad_line", "a line is an object with id, layout and data_base64")
            continue
        id_, layout, text = (request.get(k) for k in ("id", "layout", "data_base64"))
        if not isinstance(layout, str) or not isinstance(text, str) or len(text) > MOST_TEXT:
            yield refuse(id_, "bad_field", "layout and data_base64 are texts, an account at most")
            continue
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as e:
            yield refuse(id_, "bad_field", f"data_base64 is not base 64: {e}")
            continue
        try:
            result = decode(layout, data)
        except Refusal as e:
            yield refuse(id_, e.code, e.why)
            continue
        yield orjson.dumps({"id": id_, "result": result}) + b"\n"


@click.command()
@click.option("--batch", metavar="FILE", help="JSON lines to decode; - reads standard input.")
@click.option("--layouts", is_flag=True, help="List the layouts that are known.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(batch: str | None, layouts: bool, as_json: bool) -> None:
    """Decode Solana account bytes into named members, one JSON line for each line of a batch."""
    if layouts:
        from hotpath.pools.layouts import layout_names

        names = layout_names()
        if as_json:
            import orjson

            click.echo(orjson.dumps({"layouts": names}))
        else:
            click.echo("\n".join(names))
        return
    if batch is None:
        raise WrongUsage(detail="--batch FILE is needed", command="tiercel decode")
    out = sys.stdout.buffer
    with open_lines(batch) as lines:
        for line in decode_lines(lines_of(lines)):
            out.write(line)
    out.flush()
