"""The root's control socket: JSON lines over DIR/root.sock, mode 0600, peers checked.

A request is one object on one line, `{"command": "kill", "scope": "all"}`; the answer is one object
on one line, `{"ok": true, "cause": {"source": 1, "position": 42}, ...}`. A command that changes
anything is first a record of the root's outbox, and the answer names that record as its cause.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import trio

from engine import last_acts
from engine.errors import EXIT_NO, TiercelError
from engine.kill_switch import ALL
from engine.state import NoEngine
from engine.status import status
from hotpath.records import Kind

if TYPE_CHECKING:
    from engine.root import Root

NAME = "root.sock"
LINE_LIMIT = 1 << 16
ANSWER_LIMIT = 1 << 24
RECONCILE_TIMEOUT_S = 30.0
CREDENTIALS = struct.Struct("3i")
ROOT_SOURCE = 1


class CommandRefused(TiercelError):
    """The root understood and said no."""

    code: ClassVar[str] = "TCL-1053"
    what = "The engine refused `{command}`"
    why = "{detail}"
    do = "{advice}"
    exit_code = EXIT_NO


Reply = dict[str, Any]
Command = Callable[["Root", dict[str, Any]], Awaitable[Reply]]


def _cause(root: Root, command: str, **values: Any) -> Reply:
    position = root.document(Kind.COMMAND, command=command, **values)
    return {"ok": True, "cause": {"source": ROOT_SOURCE, "position": position}}


async def _ps(root: Root, request: dict[str, Any]) -> Reply:
    return {"ok": True, **status(root)}


async def _top(root: Root, request: dict[str, Any]) -> Reply:
    """ps, and what the board shows of every feed's best prices."""
    assembly, tops = root.assembly, []
    for name, index in assembly.slots.items():
        kind, _, rest = name.partition(":")
        if kind != "top":
            continue
        feed, _, listing = rest.partition(":")
        version, data = assembly.board.read(index)
        if version:
            bid, bid_quantity, ask, ask_quantity = struct.unpack_from("<4q", data)
            reason = struct.unpack_from("<I", data, 52)[0]
            tops.append(
                {
                    "feed": feed,
                    "listing": listing,
                    "bid": [bid, bid_quantity],
                    "ask": [ask, ask_quantity],
                    "doubt": reason,
                }
            )
    killed = list(root.switch.stored.closed)
    return {"ok": True, **status(root), "tops": tops, "killed": killed, "restarts": root.restarts}


async def _stop(root: Root, request: dict[str, Any]) -> Reply:
    answer = _cause(root, "stop")
    root.stop()
    return answer


async def _kill(root: Root, request: dict[str, Any]) -> Reply:
    """Close a scope: the word first, everything else after it."""
    scope = str(request.get("scope", ALL))
    reason = str(request.get("reason", "asked for on the control socket"))[:200]
    reason = root.log.redaction.text(reason)
    kept = root.switch.close(scope, reason)
    answer = _cause(root, "kill", scope=scope, reason=reason, **root.assembly.numbers_of(scope))
    root.log.problem("killed", scope=scope, reason=reason)
    answers = await last_acts.ask(root, "cancel_all", "canceled", 10.0, scope=scope)
    return answer | {"scope": scope, "canceled": answers, "kept": kept}


async def _resume(root: Root, request: dict[str, Any]) -> Reply:
    """Reconcile, then open every scope. Never arms live."""
    confirmed = request.get("confirmed") == root.app.application
    if root.app.mode != "simulation" and not confirmed:
        raise CommandRefused(
            command="resume",
            detail="Outside simulation the name of the application must be typed",
            advice="Run `tiercel resume` at a terminal",
        )
    _cause(root, "reconcile")
    answers = await last_acts.ask(root, "reconcile", "reconciled", RECONCILE_TIMEOUT_S)
    unclean = [n for n, a in answers.items() if not (a and a.get("ok"))]
    if unclean:
        raise CommandRefused(
            command="resume",
            detail=f"Reconciliation was not clean in {', '.join(unclean)}",
            advice="Look at the errors log, and run it again when the venue answers",
        )
    answer = _cause(root, "resume", scopes=list(root.switch.stored.closed))
    opened = root.switch.open_all()
    root.log.main("info", "resumed", scopes=opened)
    return answer | {"opened": opened}


COMMANDS: dict[str, Command] = {
    "ps": _ps,
    "top": _top,
    "stop": _stop,
    "kill": _kill,
    "resume": _resume,
}


def clear(directory: Path) -> None:
    """Take away what a dead root left; OSError when what stands there is no socket of ours."""
    with contextlib.suppress(FileNotFoundError):
        (directory / NAME).unlink()


async def serve(root: Root, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
    """Answer commands until cancelled."""
    folder = os.open(root.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    # by descriptor: a socket's path may have 107 bytes only, a state directory's more
    name = f"/proc/self/fd/{folder}/{NAME}"
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        mask = os.umask(0o177)
        try:
            listener.bind(name)
        finally:
            os.umask(mask)
        listener.listen(16)
        listener.setblocking(False)
        sock = trio.socket.from_stdlib_socket(listener)
        async with trio.open_nursery() as nursery:
            task_status.started()
            while True:
                connection, _ = await sock.accept()
                nursery.start_soon(_converse, root, trio.SocketStream(connection))
    finally:
        listener.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(NAME, dir_fd=folder)
        os.close(folder)


def _peer_is_ours(stream: trio.SocketStream) -> bool:
    raw = stream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
    assert isinstance(raw, bytes)
    return bool(CREDENTIALS.unpack(raw)[1] == os.geteuid())


async def _converse(root: Root, stream: trio.SocketStream) -> None:
    """One connection: lines in, lines out, in order."""
    rest = b""
    async with stream:
        try:
            if not _peer_is_ours(stream):
                return
            while data := await stream.receive_some(4096):
                *lines, rest = (rest + data).split(b"\n")
                if len(rest) > LINE_LIMIT:
                    return
                for line in lines:
                    await stream.send_all(msgspec.json.encode(await answer(root, line)) + b"\n")
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return


async def answer(root: Root, line: bytes) -> Reply:
    """The reply to one line; what is wrong with it is an answer too."""
    try:
        request = msgspec.json.decode(line)
        command = COMMANDS[request["command"]]
    except (msgspec.MsgspecError, KeyError, TypeError):
        known = ", ".join(COMMANDS)
        refused = CommandRefused(
            command="?", detail="It is not a command on one line", advice=f"Commands are {known}"
        )
        return {"ok": False, "error": refused.sentences()}
    try:
        return await command(root, request)
    except TiercelError as e:
        return {"ok": False, "error": e.sentences(), "exit_code": e.exit_code}
    except OSError as e:  # a full disk is the caller's to hear of, not the engine's to die of
        detail = f"{type(e).__name__}: {e.strerror}"
        advice = "Make room on the disk of the state directory, and run it again"
        refused = CommandRefused(command=request["command"], detail=detail, advice=advice)
        return {"ok": False, "error": refused.sentences()}


# ---- the other end, for the command line


class Refusal(TiercelError):
    """What the root answered, as it said it."""

    code: ClassVar[str] = "TCL-1054"
    what = "{what}"
    why = "{why}"
    do = "{do}"
    exit_code = EXIT_NO

    def __init__(self, exit_code: int = EXIT_NO, **values: object) -> None:
        super().__init__(**values)
        self.exit_code = exit_code

    def sentences(self) -> dict[str, str]:
        return {k: str(self.values[k]) for k in ("code", "what", "why", "do")}


def call(state: Path, command: str, timeout_s: float = 60.0, **values: Any) -> Reply:
    """Send one command to the engine of a state directory. NoEngine, Refusal."""
    try:
        folder = os.open(state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as e:
        raise NoEngine(where=f"at {state}", detail=str(e.strerror)) from None
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout_s)
    try:
        connection.connect(f"/proc/self/fd/{folder}/{NAME}")
        connection.sendall(msgspec.json.encode({"command": command, **values}) + b"\n")
        data = bytearray()
        while not data.endswith(b"\n"):
            chunk = connection.recv(65536)
            if not chunk or len(data) > ANSWER_LIMIT:
                raise NoEngine(where=f"at {state}", detail="It ended before it had answered")
            data += chunk
    except TimeoutError:
        detail = f"It did not answer within {timeout_s:g} s"
        raise NoEngine(where=f"at {state}", detail=detail) from None
    except OSError as e:
        raise NoEngine(where=f"at {state}", detail=str(e.strerror)) from None
    finally:
        connection.close()
        os.close(folder)
    reply: Reply = msgspec.json.decode(bytes(data))
    if not reply.pop("ok"):
        raise Refusal(reply.get("exit_code", EXIT_NO), **reply["error"])
    return reply
