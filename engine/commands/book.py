"""Replay raw captures through a feed's own codec and show the book they lead to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from engine.errors import EXIT_DONE, EXIT_NO, TiercelError, WrongUsage


class CaptureWithoutSnapshot(TiercelError):
    code = "TCL-4003"
    what = "The book of {symbol} cannot be built from {files}"
    why = "There is no depth snapshot of it that its updates could be joined to"
    do = "Give the file that holds the snapshot too, before the ones that continue it"


class SymbolNotInCapture(TiercelError):
    code = "TCL-4004"
    what = "There is no frame of {symbol} in {files}"
    why = "{detail}"
    do = "Give the symbol as the venue spells it, for example BTCUSDT, and a capture of that venue"


class UnitDoesNotFit(TiercelError):
    code = "TCL-4005"
    what = "{count} of {frames} frames could not be read"
    why = (
        "They are damaged, their numbers are no whole ticks of {tick} and lots of {lot}, or they "
        "have more than {most} levels"
    )
    do = "Check --tick and --lot against the venue's metadata, or leave them out"


class UnitNotUsable(TiercelError):
    code = "TCL-4006"
    what = "--tick {tick} with --lot {lot} cannot be used"
    why = "{detail}"
    do = "Give plain decimals above zero with at most 18 places, such as 0.01"


FINE = "0.00000001"
COARSER = ((FINE, "0.0001"), (FINE, "0.01"), (FINE, "1"), ("0.0001", FINE), ("0.01", FINE))
"""Units to try where 1e-8 is too fine: amounts of cheap coins and prices in weak currencies do not
fit 63 bits of it. All are exact or rejected, so they give the same book."""


def replayed(
    files: list[Path], venue: str, symbol: str, tick: str | None, lot: str | None
) -> tuple[Any, Any, float]:
    """The feed's replay after all files, its instrument, and the seconds spent in it (scanning and
    applying frames that lie in memory). Units that are not given are 1e-8, or coarser ones where
    those reject what these do not."""
    first = once(files, venue, symbol, tick or FINE, lot or FINE)
    if first[0].rejected:
        for coarse_tick, coarse_lot in COARSER:
            if (tick is None or coarse_tick == FINE) and (lot is None or coarse_lot == FINE):
                found = once(files, venue, symbol, tick or coarse_tick, lot or coarse_lot)
                if not found[0].rejected:
                    first = found
                    break
    replay = first[0]
    names = ", ".join(str(f) for f in files)
    only_snapshots = replay.snapshots and replay.snapshots == replay.frames
    if not (replay.named or only_snapshots):
        seen = replay.frames - replay.snapshots
        raise SymbolNotInCapture(
            symbol=symbol, files=names, detail=f"None of {seen} frames names it"
        )
    if replay.rejected and not replay.applied:
        raise UnitDoesNotFit(
            count=replay.rejected,
            frames=replay.frames,
            tick=tick or FINE,
            lot=lot or FINE,
            most=f"{replay.most_levels:,}",
        )
    if not replay.book.epoch:
        raise CaptureWithoutSnapshot(symbol=symbol, files=names)
    return first


def once(files: list[Path], venue: str, symbol: str, tick: str, lot: str) -> tuple[Any, Any, float]:
    """The same in these units, whatever came of it."""
    from time import perf_counter

    from engine.capture import batches
    from engine.wiring import load_feed, load_member
    from hotpath.instrument import Instrument

    feed = load_feed(venue)
    try:
        instrument = Instrument(symbol, tick, lot)
    except ValueError as e:
        raise UnitNotUsable(tick=tick, lot=lot, detail=str(e)) from e
    try:
        replay = load_member(str(feed.replay))(instrument)
    except ValueError as e:
        raise WrongUsage(detail=str(e), command="tiercel book") from e
    seconds = 0.0
    for path in files:
        for batch in batches(path):
            data = [f.data for f in batch if f.kind == "recv" or f.symbol == symbol]
            began = perf_counter()
            replay.take(data)
            seconds += perf_counter() - began
    return replay, instrument, seconds


def outcome(replay: Any, instrument: Any, seconds: float) -> dict[str, Any]:
    """The answer: the keys are a contract."""
    book = replay.book
    best = [
        [instrument.price_plain(side[0]), instrument.quantity_plain(side[1])] if side else None
        for side in (book.best_bid, book.best_ask)
    ]
    return {
        "frames": replay.frames,
        "applied": replay.applied,
        "gaps": replay.gaps,
        "rejected": replay.rejected,
        "last_id": book.last_id,
        "best_bid": best[0],
        "best_ask": best[1],
        "bid_levels": book.counts[0],
        "ask_levels": book.counts[1],
        "digest10": book.digest10(instrument),
        "frames_per_s": round(replay.frames / seconds) if seconds else 0,
    }


def written(symbol: str, found: dict[str, Any]) -> str:
    """The answer for people."""

    def side(pair: list[str] | None) -> str:
        return f"{pair[1]} at {pair[0]}" if pair else "none"

    return "\n".join(
        [
            f"{symbol}: {found['frames']} frames, {found['applied']} updates applied,"
            f" {found['gaps']} gaps, {found['rejected']} rejected",
            f"best bid {side(found['best_bid'])}, best ask {side(found['best_ask'])}"
            f" (update {found['last_id']})",
            f"{found['bid_levels']} bid levels, {found['ask_levels']} ask levels,"
            f" digest {found['digest10']}",
            f"{found['frames_per_s']:,} frames/s scanned and applied from memory",
        ]
    )


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--venue", required=True, help="Whose frames these are: a folder of feeds/.")
@click.option("--symbol", required=True, help="The instrument, as the venue spells it.")
@click.option("--tick", help="Price unit, a decimal.  [default: 0.00000001]")
@click.option("--lot", help="Quantity unit, a decimal.  [default: 0.00000001]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(
    files: tuple[Path, ...],
    venue: str,
    symbol: str,
    tick: str | None,
    lot: str | None,
    as_json: bool,
) -> int:
    """Replay raw captures FILE... in order through the feed's own codec.

    Exit code 1 when updates are missing in the captures (gaps) or frames were rejected.
    """
    found = outcome(*replayed(list(files), venue, symbol, tick, lot))
    if as_json:
        import orjson

        click.echo(orjson.dumps(found).decode())
    else:
        click.echo(written(symbol, found))
    return EXIT_NO if found["gaps"] or found["rejected"] else EXIT_DONE
