"""What a venue says is wrong between it and us, in coded words, for `ps`, the screen and the log.

An actor says no sentences: it shows a small state, `trouble` (None while all is well), and so does
the runtime for its connections. The lane tells the root when that changes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from engine.errors import EXIT_NO, TiercelError


class KeyRefused(TiercelError):
    """The venue does not know the key, or its signature is wrong."""

    code: ClassVar[str] = "TCL-5210"
    what = "{actor} cannot log on: the venue refuses its key"
    why = "It answered {number}: {message}"
    do = "Check api_key and secret of this venue, and that the key may trade from this address"
    exit_code = EXIT_NO


class AddressBanned(TiercelError):
    """Too many requests: the venue answers nothing for a while."""

    code: ClassVar[str] = "TCL-5211"
    what = "{actor} is banned by its venue until {until}"
    why = "It answered {number}; nothing but cancels is sent before then"
    do = "Wait; if it comes again, see what else sends requests from this address"
    exit_code = EXIT_NO


class AddressHeldBack(TiercelError):
    """Too many requests, or requests of a kind the venue does not want: it asks for a pause."""

    code: ClassVar[str] = "TCL-5216"
    what = "{actor} is told by its venue to wait until {until}"
    why = "It answered {number}; no connection is tried before then"
    do = "Wait; if it comes again, see what else sends requests from this address"
    exit_code = EXIT_NO


class CertificateRefused(TiercelError):
    """The other side's certificate is not trusted."""

    code: ClassVar[str] = "TCL-5212"
    what = "{actor} does not trust {address}"
    why = "Its certificate is refused: {message}"
    do = "Check the endpoint, this host's clock and its certificates (SSL_CERT_FILE)"
    exit_code = EXIT_NO


class NotSecure(TiercelError):
    """TLS could not be agreed on; nothing is sent in plain text instead."""

    code: ClassVar[str] = "TCL-5213"
    what = "{actor} cannot make a secure connection to {address}"
    why = "TLS failed: {message}"
    do = "Check that this endpoint speaks TLS and what stands in between; plain text is never tried"
    exit_code = EXIT_NO


class NotReached(TiercelError):
    """Nothing answers where a venue should; it is tried again with growing waits."""

    code: ClassVar[str] = "TCL-5215"
    what = "{actor} does not reach {address}"
    why = "{message}"
    do = "Check the endpoint, and that what should answer there runs; it is tried again by itself"
    exit_code = EXIT_NO


class InstrumentsDiffer(TiercelError):
    """The venue lists something else than the configuration says."""

    code: ClassVar[str] = "TCL-5217"
    what = "{actor}: the venue does not list what is configured"
    why = "{detail}"
    do = "Correct symbol, tick and lot in the configuration, or take the instrument out"
    exit_code = EXIT_NO


MOST_SAID = 5


def unlike(one: dict[str, Any]) -> str:
    """How one instrument's metadata differ from the configuration's `configured` (tick, lot)."""
    if "tick" not in one:
        said = f" ({one['number']}: {one['message'][:100]})" if "number" in one else ""
        return f"{one['symbol']} is not known there{said}"
    tick, lot = one["configured"]
    return f"{one['symbol']} has tick {one['tick']} and lot {one['lot']}, not {tick} and {lot}"


def in_words(actor: str, trouble: dict[str, Any] | None) -> TiercelError | None:
    """The error of an actor's `trouble`: {kind: key, number, message}, {kind: ban, number,
    until (engine time, ns)}, {kind: certificate, tls or unreached, address, message}, or {kind:
    instruments, unlike: metadata of each with what is `configured`}."""
    if trouble is None:
        return None
    if trouble["kind"] == "ban":
        end = datetime.fromtimestamp(trouble["until"] // 10**9, UTC)
        until = end.strftime("%Y-%m-%d %H:%M:%S UTC")
        kind = AddressBanned if trouble["number"] == 418 else AddressHeldBack
        return kind(actor=actor, number=trouble["number"], until=until)
    if trouble["kind"] == "instruments":
        said = [unlike(one) for one in trouble["unlike"]]
        more = [f"and {len(said) - MOST_SAID} more"] if len(said) > MOST_SAID else []
        return InstrumentsDiffer(actor=actor, detail="; ".join(said[:MOST_SAID] + more))
    message = str(trouble["message"])[:200]
    if trouble["kind"] == "certificate":
        return CertificateRefused(actor=actor, address=trouble["address"], message=message)
    if trouble["kind"] == "tls":
        return NotSecure(actor=actor, address=trouble["address"], message=message)
    if trouble["kind"] == "unreached":
        return NotReached(actor=actor, address=trouble["address"], message=message)
    return KeyRefused(actor=actor, number=trouble["number"], message=message)
