"""Books rebuilt from real captures equal an independent replay, at checkpoints and at the end."""

from __future__ import annotations

import gzip
import random
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from engine.capture import frames
from engine.commands.book import command
from engine.errors import TiercelError
from feeds.binance.codec import Codec
from feeds.binance.replay import BookReplay
from hotpath.book import Book
from hotpath.instrument import Instrument
from tests.reference.book import BUY, SELL, BookTwin


def expectations(shared: Path) -> list[tuple[list[Path], dict[str, Any]]]:
    """(files, expected) of every Binance capture that has an expectation."""
    found = []
    folder = shared / "data" / "binance"
    for path in sorted((shared / "data" / "expected").glob("*.json")):
        expected = orjson.loads(path.read_bytes())
        files = [folder / name for name in expected.get("files", [])]
        if files and all(f.exists() for f in files):
            found.append((files, expected))
    assert found, "the shared folder holds no expectation of Binance"
    return found


def run(arguments: list[str]) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(command, [*arguments, "--json"], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.return_value, orjson.loads(result.stdout)


def tick_of(data: list[bytes]) -> tuple[str, str]:
    """The decimals that the capture's first update is written with."""
    found = next(f for f in data if b'"depthUpdate"' in f)
    inner = orjson.loads(found)
    inner = inner.get("data", inner)
    price, quantity = (inner["b"] + inner["a"])[0]
    return tuple(  # type: ignore[return-value]
        "0." + "0" * (len(d) - 1) + "1" if (d := text.partition(".")[2]) else "1"
        for text in (price, quantity)
    )


def test_checkpoints_and_end_of_every_capture(shared: Path) -> None:
    """With the capture's own decimals as units; the trades and the venue's own top count too."""
    for files, expected in expectations(shared):
        data = [f.data for path in files for f in frames(path)]
        instrument = Instrument(expected["symbol"], *tick_of(data))
        replay = BookReplay(instrument)
        at = 0
        for point in [*expected["checkpoints"], None]:
            at = replay.take(data, at, point["applied"] if point else 0)
            want = point or expected["final"]
            book = replay.book
            bid, ask = book.best_bid, book.best_ask
            assert bid is not None and ask is not None
            assert [
                instrument.price_plain(bid[0]),
                instrument.quantity_plain(bid[1]),
                instrument.price_plain(ask[0]),
                instrument.quantity_plain(ask[1]),
            ] == want["bbo"]
            assert list(book.counts) == want["levels"]
            assert book.digest10(instrument) == want["digest10"]
            assert book.last_id == want["u"]
            assert book.valid and not book.is_crossed
            if point is not None and "E" in point:
                assert book.venue_time == point["E"] * 10**6
        assert replay.frames == expected["lines"]
        assert replay.applied == expected["depth_applied"]
        assert replay.dropped == expected["depth_dropped_before_snapshot"]
        assert replay.gaps == expected["gaps"] == replay.rejected
        assert replay.trades == expected["counts"].get("trade", 0)
        assert replay.tickers == expected["counts"].get("bookTicker", 0)


def test_the_command_gives_the_expected_book(shared: Path) -> None:
    for files, expected in expectations(shared):
        code, found = run([*map(str, files), "--venue", "binance", "--symbol", expected["symbol"]])
        final = expected["final"]
        assert code == 0
        assert found.pop("frames_per_s") > 1000
        assert found == {
            "frames": expected["lines"],
            "applied": expected["depth_applied"],
            "gaps": 0,
            "rejected": 0,
            "last_id": final["u"],
            "best_bid": final["bbo"][:2],
            "best_ask": final["bbo"][2:],
            "bid_levels": final["levels"][0],
            "ask_levels": final["levels"][1],
            "digest10": final["digest10"],
        }


def equal_to_the_twin(path: Path, symbol: str, snapshot: dict[str, Any], check: int) -> int:
    """Apply the updates behind `snapshot` to a book and to its twin; how many there were."""
    codec = Codec([], any_symbol=True)
    book, twin = Book(4096, 1 << 17), BookTwin(1 << 17)
    book.join(snapshot["bids"], snapshot["asks"], snapshot["last_id"])
    twin.join(snapshot["bids"], snapshot["asks"], snapshot["last_id"])
    applied = 0
    for frame in frames(path):
        m = codec.read(frame.data, True)
        if m["kind"] != "depth" or m["symbol"] != symbol or m["last_id"] <= twin.last_id:
            continue
        book.update(m["bids"], m["asks"], m["last_id"])
        twin.update(m["bids"], m["asks"], m["last_id"])
        applied += 1
        if applied % check == 0:
            assert (book.best_bid, book.best_ask) == (twin.best(BUY), twin.best(SELL))
            assert book.counts == twin.counts
    for side in (BUY, SELL):
        assert book.side_levels(side, 1 << 17) == twin.side_levels(side, 1 << 17)
        assert book.fill_cost(side, 10**12) == twin.fill_cost(side, 10**12)
        assert book.depth(side, 50) == twin.depth(side, 50)
    return applied


def test_the_book_equals_its_twin_on_every_capture(shared: Path) -> None:
    """Units of 1e-8, so that nearly every level lies beyond the ladder."""
    codec = Codec([], any_symbol=True)
    applied = 0
    for path in sorted((shared / "data" / "binance").iterdir()):
        snapshots = {}
        symbols = set()
        for frame in frames(path):
            if b"lastUpdateId" in frame.data[:40]:
                snapshots[frame.symbol] = codec.read(frame.data, True)
            elif b'"depthUpdate"' in frame.data[:80]:
                symbols.add(codec.read(frame.data, True)["symbol"])
        for symbol in symbols:
            snapshot = snapshots.get(symbol) or snapshots.get("")
            if snapshot is not None and snapshot["kind"] == "snapshot":
                applied += equal_to_the_twin(path, symbol, snapshot, 200)
    assert applied > 0


# ---- what goes wrong


def frame_of(first: int, last: int, bids: str = "", asks: str = "", symbol: str = "AB") -> str:
    return (
        f'{{"stream":"x@depth","data":{{"e":"depthUpdate","E":1700000000000,"s":"{symbol}",'
        f'"U":{first},"u":{last},"b":[{bids}],"a":[{asks}]}}}}'
    )


SNAPSHOT = '{"lastUpdateId":10,"bids":[["1.0","5"]],"asks":[["2.0","5"]]}'


def written(tmp_path: Path, texts: list[str], name: str = "a.raw") -> str:
    path = tmp_path / name
    path.write_text("".join(f"{i} {t}\n" for i, t in enumerate(texts)))
    return str(path)


def failure(arguments: list[str]) -> str:
    with pytest.raises(TiercelError) as caught:
        run(arguments)
    assert "{" not in str(caught.value)
    return caught.value.code


AB = ["--venue", "binance", "--symbol", "AB"]


def test_a_gap_is_counted_and_the_answer_is_no(tmp_path: Path) -> None:
    texts = [frame_of(9, 10), SNAPSHOT, frame_of(11, 12, '["1.1","3"]'), frame_of(14, 15)]
    code, found = run([written(tmp_path, texts), *AB])
    assert (code, found["gaps"], found["applied"], found["last_id"]) == (1, 1, 1, 12)
    again = SNAPSHOT.replace("10", "15", 1)
    code, found = run([written(tmp_path, [*texts, again, frame_of(16, 16)], "b.raw"), *AB])
    assert (code, found["gaps"], found["applied"], found["last_id"]) == (1, 1, 2, 16)


def test_repeated_and_late_updates_change_nothing(tmp_path: Path) -> None:
    texts = [SNAPSHOT, frame_of(11, 12, '["1.1","3"]'), frame_of(13, 14, '["1.1","4"]')]
    texts += [texts[1], texts[2], frame_of(15, 16)]
    code, found = run([written(tmp_path, texts), *AB])
    assert (code, found["applied"], found["gaps"], found["best_bid"]) == (0, 3, 0, ["1.1", "4"])


def test_a_snapshot_older_than_the_stream_is_not_joined(tmp_path: Path) -> None:
    texts = [frame_of(13, 14), SNAPSHOT, frame_of(15, 16)]
    assert failure([written(tmp_path, texts), *AB]) == "TCL-4003"
    late = SNAPSHOT.replace("10", "14", 1)
    code, found = run([written(tmp_path, [*texts, late], "b.raw"), *AB])
    assert (code, found["applied"], found["last_id"]) == (0, 1, 16)


def test_a_capture_without_a_snapshot_and_an_unknown_symbol_are_named(tmp_path: Path) -> None:
    assert failure([written(tmp_path, [frame_of(1, 2)]), *AB]) == "TCL-4003"
    texts = [SNAPSHOT, frame_of(11, 12)]
    path = written(tmp_path, texts, "b.raw")
    assert failure([path, "--venue", "binance", "--symbol", "CD"]) == "TCL-4004"
    assert failure([path, "--venue", "nowhere", "--symbol", "AB"]) == "TCL-4007"


def test_a_snapshot_alone_is_a_book_as_a_venue_answered_it(tmp_path: Path) -> None:
    """Its frame names no symbol; with frames of others beside it, it is nobody's."""
    code, found = run([written(tmp_path, [SNAPSHOT]), *AB])
    assert (code, found["frames"], found["applied"], found["last_id"]) == (0, 1, 0, 10)
    assert found["bid_levels"] and found["best_bid"] and found["best_ask"]
    path = written(tmp_path, [SNAPSHOT, frame_of(11, 12)], "b.raw")
    assert failure([path, "--venue", "binance", "--symbol", "CD"]) == "TCL-4004"


def levels(count: int) -> str:
    return ",".join(f'["{price}","1"]' for price in range(100_000 + count, 100_000, -1))


def test_an_update_may_have_very_many_levels_and_the_limit_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, [SNAPSHOT, frame_of(11, 12, levels(40_000))])
    code, found = run([path, *AB, "--tick", "1", "--lot", "1"])
    assert (code, found["applied"], found["rejected"]) == (0, 1, 0)
    assert found["bid_levels"] + found["ask_levels"] >= 40_000
    path = written(tmp_path, [SNAPSHOT, frame_of(11, 12, levels((1 << 20) + 1))], "b.raw")
    with pytest.raises(TiercelError, match=r"TCL-4005.*more than 1,048,576 levels"):
        run([path, *AB, "--tick", "1", "--lot", "1"])


def test_units_that_do_not_fit_are_named(tmp_path: Path) -> None:
    fine = frame_of(11, 12, '["1.15","3"]')
    path = written(tmp_path, [SNAPSHOT, frame_of(11, 11), fine.replace("11", "12", 1)])
    assert failure([path, *AB, "--tick", "0.3"]) == "TCL-4005"
    assert failure([path, *AB, "--tick", "zero"]) == "TCL-4006"
    assert run([path, *AB, "--tick", "0.05", "--lot", "1"])[0] == 0
    code, found = run([path, *AB, "--tick", "0.1"])  # the snapshot fits, the update does not
    assert (code, found["rejected"]) == (1, 1)


def test_a_cut_capture_is_an_error_and_not_a_short_one(shared: Path, tmp_path: Path) -> None:
    for files, expected in expectations(shared):
        asked = ["--venue", "binance", "--symbol", expected["symbol"]]
        whole = files[0].read_bytes()
        cut = tmp_path / files[0].name
        for size in (len(whole) // 2, len(whole) - 3):
            cut.write_bytes(whole[:size])
            assert failure([str(cut), *asked]) == "TCL-4001"
        broken = bytearray(whole)
        broken[len(whole) // 2] ^= 0xFF
        cut.write_bytes(broken)
        assert failure([str(cut), *asked]) in ("TCL-4001", "TCL-4002")


def test_a_cut_zstd_capture_is_an_error(shared: Path, tmp_path: Path) -> None:
    for path in sorted((shared / "data" / "binance").glob("*.zst")):
        whole = path.read_bytes()
        cut = tmp_path / path.name
        for size in (len(whole) // 2, len(whole) - 3):
            cut.write_bytes(whole[:size])
            assert failure([str(cut), *AB]) == "TCL-4001"


def test_a_cut_plain_capture_is_an_error(tmp_path: Path) -> None:
    path = Path(written(tmp_path, [SNAPSHOT, frame_of(11, 12)]))
    path.write_bytes(path.read_bytes()[:-5])
    assert failure([str(path), *AB]) == "TCL-4001"


@pytest.mark.parametrize("content", [b"", b"hello\n", b"\x1f\x8b\x08\x00", b"\x00" * 50, b"[1]\n"])
def test_what_is_no_capture_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)
    assert failure([str(path), *AB]) in ("TCL-4001", "TCL-4002")
    assert failure([str(tmp_path / "missing"), *AB]) == "TCL-1002"
    assert failure([str(tmp_path), *AB]) == "TCL-1002"


def test_the_three_ways_to_store_a_capture_read_the_same(tmp_path: Path) -> None:
    import zstandard

    texts = [
        SNAPSHOT,
        *(frame_of(i, i, f'["{random.Random(i).random():.4f}","1"]') for i in range(11, 60)),
    ]
    plain = Path(written(tmp_path, texts))
    halves = plain.read_bytes()[:999], plain.read_bytes()[999:]
    (tmp_path / "b.gz").write_bytes(b"".join(map(gzip.compress, halves)))  # two members
    (tmp_path / "c.zst").write_bytes(b"".join(map(zstandard.compress, halves)))
    answers = []
    for name in (plain.name, "b.gz", "c.zst"):
        found = run([str(tmp_path / name), *AB])[1]
        del found["frames_per_s"]
        answers.append(found)
    assert answers[0] == answers[1] == answers[2]
    assert answers[0]["applied"] == 49


@pytest.mark.parametrize(
    "line",
    [
        "99999999999999999999 {}",
        '{"t":"recv","ts":1e300,"data":"{}"}',
        '{"t":"recv","ts":-1,"data":"{}"}',
        '{"t":"http","ts":1,"url":"http://[::1","data":"{}"}',
    ],
)
def test_times_and_addresses_that_are_none_are_damage(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.raw"
    path.write_text(line + "\n")
    assert failure([str(path), *AB]) == "TCL-4002"
