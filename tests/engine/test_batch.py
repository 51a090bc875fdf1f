"""Batches from whoever sends them: memory is bounded by a line's limit, and the rest goes on."""

from __future__ import annotations

import io
import json
import resource
import subprocess
import sys

import pytest

from engine.batch import LINE_LIMIT, TOO_LONG, lines_of

MORE = 400 << 20
WRITER = f"""
import sys
out = sys.stdout.buffer
out.write(b'{{"id": 1}}\\n')
for _ in range({MORE >> 20}):
    out.write(b"x" * (1 << 20))
out.write(b'\\n{{"id": 2}}\\n')
for _ in range({LINE_LIMIT >> 20} + 1):
    out.write(b"y" * (1 << 20))
"""


def test_a_line_over_the_limit_is_one_and_the_next_is_whole() -> None:
    text = b"abcd\nabcde\n" + b"x" * 100 + b"\n\nend"
    assert list(lines_of(io.BytesIO(text), 5)) == [
        b"abcd\n", b"abcde\n", TOO_LONG, b"\n", b"end",
    ]  # fmt: skip
    assert list(lines_of(io.BytesIO(b"x" * 11), 5)) == [TOO_LONG]
    assert list(lines_of(io.BytesIO(b"x" * 5 + b"\n"), 5)) == [b"xxxxx\n"]


@pytest.mark.parametrize("command", ["codec", "quote", "decode"])
def test_an_endless_line_is_answered_in_bounded_memory(command: str) -> None:
    def bounded() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MORE, MORE))

    argv = [sys.executable, "-m", "engine.main", command, "--batch", "-"]
    with subprocess.Popen([sys.executable, "-c", WRITER], stdout=subprocess.PIPE) as writer:
        done = subprocess.run(
            argv, stdin=writer.stdout, capture_output=True, timeout=60, preexec_fn=bounded
        )
    assert done.returncode == 0 and done.stderr == b"", done
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [a["id"] for a in answers] == [1, None, 2, None]
    assert all("error" in a for a in answers)
    assert all(str(LINE_LIMIT) in answers[i]["error"]["why"] for i in (1, 3))
