"""Where tests find the shared folder, what time they have, and what they give back."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from engine.memory import TMPFS
from engine.registry import read as read_registry

ROOT = Path(__file__).resolve().parent.parent


def shared_root() -> Path | None:
    """The shared folder named by TIERCEL_SHARED (default ../shared beside the checkout)."""
    path = Path(os.environ.get("TIERCEL_SHARED", ROOT.parent / "shared"))
    return path if path.is_dir() else None


def shared_or_skip() -> Path:
    """The shared folder; without it the test is skipped, or fails where CI=true."""
    found = shared_root()
    if found is None:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail("the shared folder is missing: set TIERCEL_SHARED to it")
        pytest.skip("the shared folder (TIERCEL_SHARED, default ../shared) is not on this machine")
    return found


def pytest_configure() -> None:
    """A runner in the background (`&`, nohup) ignores signals, and so would all it starts: the
    processes of tests are to hear them."""
    for number, heard in (
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGHUP, signal.SIG_DFL),
    ):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, heard)


STREAMS = {
    "computes": ("tests/fuzz/", "tests/pools/", "tests/evm/", "tests/proofs/"),
    "waits": ("tests/drills/", "tests/binary/"),
}
"""Which stream of tests/streams.py the tests of a folder belong to; single tests carry the mark."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for mark, folders in STREAMS.items():
            if item.nodeid.startswith(folders):
                item.add_marker(mark)


STARTED = time.monotonic()


@pytest.fixture(autouse=True)
def within_the_budget(request: pytest.FixtureRequest) -> None:
    """TIERCEL_LONG_BUDGET_S bounds the long tests of one run; without it all of them run."""
    budget = os.environ.get("TIERCEL_LONG_BUDGET_S")
    if budget and request.node.get_closest_marker("long"):
        spent = time.monotonic() - STARTED
        if spent > float(budget):
            pytest.skip(f"the {budget} s for long tests are used up: run `make test-long` alone")


def give_back_memory(below: Path) -> None:
    """Remove the shared memory of the state directories below: 50 MB each, of use to nobody."""
    for registry in below.rglob("registry.jsonl"):
        with contextlib.suppress(OSError, msgspec.MsgspecError):  # tests damage some on purpose
            instance, _ = read_registry(registry.parent)
            shutil.rmtree(TMPFS / f"tiercel-{instance:010x}", ignore_errors=True)


@pytest.fixture(autouse=True)
def memory_of_this_test(request: pytest.FixtureRequest) -> Iterator[None]:
    own = request.getfixturevalue("tmp_path") if "tmp_path" in request.fixturenames else None
    yield
    if own is not None:
        give_back_memory(own)


@pytest.fixture(autouse=True, scope="session")
def memory_of_all_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    yield
    give_back_memory(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def shared() -> Path:
    return shared_or_skip()
