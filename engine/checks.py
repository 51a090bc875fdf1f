"""Cross-checks of a configuration: what no single field can know. Each refusal has its own code."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar
from urllib.parse import urlsplit

from engine import risk_checks
from engine.application import ActorSettings, Application, LaneSettings, Venue, actors
from engine.document import At, Document
from engine.errors import TiercelError
from engine.roles import each_actor, role_of

PRODUCT_LIMIT = 100
TOP_RESTARTS, TOP_SECONDS = 3, 300
DRILL_LANE, DRILL_ROOT = (30, 60), (300, 300)
LEAST_BACKOFF_CAP_MS = 1000
RECORD_SHARE = 4  # of its outbox a record may have one part in (hotpath/ring.pyx)
MODES = ("replay", "simulation", "testnet", "live")
RESERVED = ("root",)
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class DrillOutsideSimulation(TiercelError):
    code: ClassVar[str] = "TCL-1017"
    what = "{where}: `drill: true` is refused outside simulation"
    why = "{detail}"
    do = "Remove `drill`, or set every mode to simulation"


class RestartsTooMany(TiercelError):
    code: ClassVar[str] = "TCL-1018"
    what = "{where}: the restart limits are refused"
    why = "{detail}"
    do = "Lower max_restarts or widen the window (docs/supervision.md)"


class GroupSplit(TiercelError):
    code: ClassVar[str] = "TCL-1019"
    what = "{where}: {strategy} trades groups on venues that are not all in its lane"
    why = "A group reserves all its legs before the first is sent; {venue} is in lane {lane}"
    do = "Put the venue actors of {strategy} into lane {own}"


class MixedModes(TiercelError):
    code: ClassVar[str] = "TCL-1020"
    what = "{where}: the legs of {strategy} are partly real and partly pretended"
    why = "{detail}"
    do = "Give its venues one mode, or set `allow_mixed_legs: true`; its P&L is then marked"


class LiveNotArmed(TiercelError):
    code: ClassVar[str] = "TCL-1021"
    what = "{where}: live is refused"
    why = "Live trading needs arming by an operator, which this version does not have"
    do = "Use simulation or testnet"


class UnknownName(TiercelError):
    code: ClassVar[str] = "TCL-1022"
    what = "{where}: {place} names {name}, which does not exist"
    why = "{detail}"
    do = "Correct the name"


class DuplicateName(TiercelError):
    code: ClassVar[str] = "TCL-1023"
    what = "{where}: the name {name} is taken"
    why = "Lanes and actors need names of their own, and {name} stands for another already"
    do = "Choose another name"


class PlacementRefused(TiercelError):
    code: ClassVar[str] = "TCL-1025"
    what = "{where}: {actor} cannot stand in lane {lane}"
    why = "{detail}"
    do = "Move it to a lane that fits"


class ModeRefused(TiercelError):
    code: ClassVar[str] = "TCL-1026"
    what = "{where}: mode {mode} of {venue} is refused"
    why = "{detail}"
    do = "Give the venue and the application modes that fit"


class SizeRefused(TiercelError):
    code: ClassVar[str] = "TCL-1027"
    what = "{where}: {place} is {value}"
    why = "The size of an outbox is a power of two"
    do = "Use {near}"


class RecordBeyondOutbox(TiercelError):
    code: ClassVar[str] = "TCL-1032"
    what = "{where}: a record of {actor} may have {size} bytes, its outbox takes {room}"
    why = "A record has at most a quarter of its outbox, and lane {lane} has outbox_kib {kib}"
    do = "Set outbox_kib of lane {lane} to {near}, or ask {actor} for less in a record"


class EndpointNotSecure(TiercelError):
    code: ClassVar[str] = "TCL-1028"
    what = "{where}: the {place} of {venue} would be in plain text"
    why = "Keys and orders of mode {mode} could be read and changed by anyone in between"
    do = "Use wss:// and https://; plain text is for addresses of this host"


def check(app: Application, document: Document) -> None:
    """Raise the first condition that does not hold."""
    for one in (
        _names,
        _modes,
        _drill,
        _restarts,
        _placement,
        _references,
        _groups,
        risk_checks.limits,
        risk_checks.quotes,
        risk_checks.leases,
        _sizes,
    ):
        run: Callable[[Application, Document], None] = one
        run(app, document)


def _names(app: Application, document: Document) -> None:
    lanes: set[str] = set(RESERVED)
    taken: set[str] = set(RESERVED)
    for i, lane in enumerate(app.lanes):
        if lane.name in lanes:
            raise DuplicateName(where=document.where(("lanes", i, "name")), name=lane.name)
        lanes.add(lane.name)
    for at, _, actor in each_actor(app):
        if actor.name in taken:
            raise DuplicateName(where=document.where((*at, "name")), name=actor.name)
        taken.add(actor.name)


def _modes(app: Application, document: Document) -> None:
    if app.mode == "live":
        raise LiveNotArmed(where=document.where(("mode",)))
    for name, venue in app.venues.items():
        at: At = ("venues", name, "mode")
        if venue.mode == "live":
            raise LiveNotArmed(where=document.where(at))
        if (app.mode == "replay") != (venue.mode == "replay"):
            detail = "Replay holds for the whole application or not at all"
        elif MODES.index(venue.mode) > MODES.index(app.mode):
            detail = f"The application's mode is {app.mode}, and no venue may go beyond it"
        elif venue.mode == "testnet" and (venue.key is None or venue.endpoints is None):
            detail = "It needs endpoints and a key"
        else:
            _secure(name, venue, document)
            continue
        raise ModeRefused(where=document.where(at), mode=venue.mode, venue=name, detail=detail)
    for at, _, actor in each_actor(app):
        modes = {n: app.venues[n].mode for n in _venues_of(actor) if n in app.venues}
        if (
            role_of(actor.kind) != "strategy"
            or app.allow_mixed_legs
            or len(set(modes.values())) < 2
        ):
            continue
        detail = ", ".join(f"{n} is {m}" for n, m in modes.items())
        raise MixedModes(where=document.where(at), strategy=actor.name, detail=detail)


def _secure(name: str, venue: Venue, document: Document) -> None:
    """Beyond simulation an address of another host is reached over TLS only."""
    if venue.mode != "testnet" or venue.endpoints is None:
        return
    for place in ("streams", "orders", "rest"):
        url = urlsplit(getattr(venue.endpoints, place))
        if url.scheme not in ("wss", "https") and url.hostname not in LOOPBACK:
            where = document.where(("venues", name, "endpoints", place))
            raise EndpointNotSecure(where=where, place=place, venue=name, mode=venue.mode)


def _venues_of(actor: ActorSettings) -> list[str]:
    return sorted({i.partition(".")[0] for i in actor.instruments})


def _drill(app: Application, document: Document) -> None:
    if not app.drill:
        return
    others = [n for n, v in app.venues.items() if v.mode != "simulation"]
    if app.mode != "simulation" or others:
        detail = f"The venue {others[0]} is not" if others else f"The mode is {app.mode}"
        raise DrillOutsideSimulation(where=document.where(("drill",)), detail=detail)


def _restarts(app: Application, document: Document) -> None:
    root = app.supervision

    def refuse(at: At, detail: str) -> None:
        raise RestartsTooMany(where=document.where(at), detail=detail)

    most, seconds = DRILL_ROOT if app.drill else (TOP_RESTARTS, TOP_SECONDS)
    if root.max_restarts * seconds > most * root.max_seconds or root.max_restarts > most:
        refuse(("supervision",), f"The root may restart at most {most} times in {seconds} s")
    for i, lane in enumerate(app.lanes):
        at: At = ("lanes", i, "supervision")
        own = lane.supervision
        if app.drill:
            most, seconds = DRILL_LANE
            if own.max_restarts > most:
                refuse(at, f"A drill's lane may restart at most {most} times in {seconds} s")
            continue
        product = root.max_restarts * own.max_restarts
        if product > PRODUCT_LIMIT:
            refuse(
                at,
                f"The product over the levels, {root.max_restarts} x {own.max_restarts}, "
                f"is over {PRODUCT_LIMIT}",
            )
    if app.drill:
        return
    places: list[tuple[At, int]] = [(("supervision",), root.backoff.cap_ms)]
    places += [
        (("lanes", i, "supervision"), lane.supervision.backoff.cap_ms)
        for i, lane in enumerate(app.lanes)
    ]
    for at, cap in places:
        if cap < LEAST_BACKOFF_CAP_MS:
            refuse(at, f"A back-off cap under {LEAST_BACKOFF_CAP_MS} ms is for drills only")


def _known(
    document: Document, at: At, place: str, names: Iterable[str], known: Iterable[str]
) -> None:
    from difflib import get_close_matches

    known = list(known)
    for name in names:
        if name in known:
            continue
        near = get_close_matches(name, known, 1)
        detail = f"Did you mean {near[0]}" if near else f"There are {', '.join(known) or 'none'}"
        raise UnknownName(where=document.where(at), place=place, name=name, detail=detail)


def _references(app: Application, document: Document) -> None:
    named = actors(app)
    for listing in app.instruments:
        _known(document, ("instruments", listing), listing, [listing.partition(".")[0]], app.venues)
    for at, _, actor in each_actor(app):
        _known(document, (*at, "instruments"), actor.name, actor.instruments, app.instruments)
        _known(document, (*at, "follows"), actor.name, actor.follows, [*named, *RESERVED])
        if actor.venue is not None:
            _known(document, (*at, "venue"), actor.name, [actor.venue], app.venues)
    for field, named_venues in (
        ("balances", app.backtest.balances),
        ("venue_fees", app.backtest.venue_fees),
    ):
        _known(document, ("backtest", field), f"backtest.{field}", named_venues, app.venues)
    if app.risk is None:
        return
    _known(document, ("risk", "venues"), "risk.venues", app.risk.venues, app.venues)
    _known(
        document, ("risk", "instruments"), "risk.instruments", app.risk.instruments, app.instruments
    )
    strategies = [n for n, (_, a) in named.items() if role_of(a.kind) == "strategy"]
    _known(document, ("risk", "strategies"), "risk.strategies", app.risk.strategies, strategies)
    for i, lease in enumerate(app.risk.leases):
        place: At = ("risk", "leases", i)
        _known(document, place, "a lease", [lease.strategy], strategies)
        _known(document, place, "a lease", [lease.venue], app.venues)


def _placement(app: Application, document: Document) -> None:
    journal_seen = False
    for at, lane, actor in each_actor(app):
        role = role_of(actor.kind)
        detail = None
        if role in ("feed", "venue", "rest") and actor.venue is None:
            detail = f"A {role} actor needs `venue`"
        elif role in ("feed", "venue") and lane.runtime != "uvloop":
            detail = f"A {role} holds a connection, which needs the runtime uvloop"
        elif role in ("rest", "journal", "recorder") and lane.runtime != "trio":
            detail = f"A {role} waits for disk or HTTP, which needs the runtime trio"
        elif role == "journal" and journal_seen:
            detail = "There is one journal"
        elif role == "venue" and not journal_seen:
            detail = "The journal starts before any venue: list its lane first"
        journal_seen |= role == "journal"
        if detail is not None:
            raise PlacementRefused(
                where=document.where(at), actor=actor.name, lane=lane.name, detail=detail
            )


def _groups(app: Application, document: Document) -> None:
    homes = {
        a.venue: lane.name
        for _, lane, a in each_actor(app)
        if role_of(a.kind) == "venue" and a.venue
    }
    for at, lane, actor in each_actor(app):
        venues = _venues_of(actor)
        if role_of(actor.kind) != "strategy" or len(venues) < 2:
            continue
        for venue in venues:
            if venue in homes and homes[venue] != lane.name:
                raise GroupSplit(
                    where=document.where(at),
                    strategy=actor.name,
                    venue=venue,
                    lane=homes[venue],
                    own=lane.name,
                )


def record_fits(lane: LaneSettings, actor: str, settings: object, where: str) -> None:
    """The largest record that an actor's settings ask for has room: RecordBeyondOutbox. Else its
    lane would end at the first one, and at each start again."""
    size = getattr(settings, "largest_record", 0)
    room = lane.outbox_kib * 1024 // RECORD_SHARE
    if size > room:
        near = 1 << (size * RECORD_SHARE // 1024).bit_length()
        raise RecordBeyondOutbox(
            where=where,
            actor=actor,
            size=size,
            room=room,
            lane=lane.name,
            kib=lane.outbox_kib,
            near=near,
        )


def _sizes(app: Application, document: Document) -> None:
    for i, lane in enumerate(app.lanes):
        for place in ("outbox_kib", "inputs_kib"):
            value = getattr(lane, place)
            if value & (value - 1):
                raise SizeRefused(
                    where=document.where(("lanes", i, place)),
                    place=place,
                    value=value,
                    near=1 << value.bit_length(),
                )
