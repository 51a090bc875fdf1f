"""The spare: a warm process for the trading lane that dies next, and nobody's orphan."""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path

import pytest

from engine import child, lane_spec, state
from engine.child import Lines, Retired, SpecMissing
from engine.lane_spec import BoardSpec, FollowSpec, LaneSpec, OutboxSpec
from tests.engine.drill import Drill, agrees
from tests.engine.running import until


def children(pid: int) -> set[int]:
    return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def spare_of(drill: Drill) -> int | None:
    """The root's child that is no lane."""
    lanes = {x["pid"] for x in drill.lanes().values()}
    return next(iter(children(drill.root()) - lanes), None) if None not in lanes else None


def told(drill: Drill, event: str) -> list[dict[str, object]]:
    log = (drill.state / "log" / "root.main.jsonl").read_text().splitlines()
    return [x for x in map(json.loads, log) if x["event"] == event]


def test_a_dead_trading_lane_goes_on_in_the_spare(drill: Drill) -> None:
    spare = drill.until(lambda: spare_of(drill))
    drill.until(lambda: (drill.state / "log" / "spare.out").exists())
    before = drill.pid("trade")
    drill.send("trade", signal.SIGKILL)
    drill.until(lambda: drill.pid("trade") not in (None, before))
    assert drill.pid("trade") == spare
    drill.wait_ready()
    drill.until(lambda: told(drill, "lane started")[-1]["warm"])
    out = os.readlink(f"/proc/{spare}/fd/1")
    assert out == str(drill.state / "log" / "trade.out")
    drill.wait_trading()

    # one that dies unused is reaped, and the lane starts without it
    second = drill.until(lambda: spare_of(drill))
    assert second != spare
    os.kill(second, signal.SIGKILL)
    drill.until(lambda: told(drill, "spare ended"))
    assert not Path(f"/proc/{second}").exists()
    drill.send("trade", signal.SIGKILL)
    drill.until(lambda: drill.pid("trade") not in (None, spare))
    drill.wait_ready()
    drill.until(lambda: told(drill, "lane started")[-1]["warm"] is False)

    # it is never another lane's, and it ends with the root
    third = drill.until(lambda: spare_of(drill))
    drill.send("control", signal.SIGKILL)
    drill.wait_ready()
    os.kill(drill.root(), signal.SIGKILL)
    until(lambda: state.start_time(third) is None)
    drill.wait_ready()
    drill.wait_trading()
    agrees(drill.end(), drill.state)


def spec_of(fds: list[int]) -> LaneSpec:
    """A specification that names each of five descriptors somewhere."""
    bell, board, box, follow, output = fds
    outbox = OutboxSpec(name="a", source=2, fd=box, epoch=1, bells={"@x": bell})
    values = dict.fromkeys(LaneSpec.__struct_fields__) | {
        "bell": bell,
        "board": BoardSpec(fd=board, slots={}, own=[]),
        "inputs": outbox,
        "actors": [],
        "follows": [FollowSpec(name="b", source=3, fd=follow, reader="@x", lossy=True, actors=[])],
        "output": output,
    }
    return LaneSpec(**values)


def test_descriptors_arrive_in_the_place_of_the_roots() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    files = [os.memfd_create(f"file {n}") for n in range(5)]
    spec = spec_of(files)
    with ours, theirs:
        ours.sendall(b'{"prepare":["feeds/binance"]}\n')
        for fd in lane_spec.descriptors(spec):  # more than one message of them
            socket.send_fds(ours, [b" "], [fd])
        ours.sendall(b'{"lane":"x"}\n{"do":"stop"}\n')
        lines = Lines(theirs)
        assert lines.read() == b'{"prepare":["feeds/binance"]}'
        assert lines.read() == b'{"lane":"x"}'
        here = lines.with_descriptors(spec)
        assert lines.rest == b'{"do":"stop"}\n'
        got = [here.bell, here.board.fd, here.inputs.fd, here.follows[0].fd, here.output]
        assert here.inputs.bells == {"@x": here.bell}
        assert [os.fstat(a).st_ino for a in got] == [os.fstat(b).st_ino for b in files]
        assert not any(os.get_inheritable(fd) for fd in got)
        lines.received.pop()
        with pytest.raises(SpecMissing):
            lines.with_descriptors(spec)
    for fd in [*files, *got]:
        os.close(fd)


@pytest.mark.parametrize(("said", "error"), [(b"", Retired), (b'{"lane"', SpecMissing)])
def test_a_root_that_says_no_more(said: bytes, error: type[Exception]) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with theirs:
        ours.sendall(said)
        ours.close()
        with pytest.raises(error):
            Lines(theirs).read()
    assert child.PREPARE in b'{"prepare":[]}'
