"""What a feed or a venue folder says about itself: one `plugin` in its `__init__.py`.

    plugin = Plugin(
        sentence="Binance spot market data.",
        actor="feeds.binance.feed:BinanceFeed",
        rest="feeds.binance.rest:BinanceRest",
        settings="feeds.binance.settings:Settings",
    )

Names are import paths, so that reading the declaration imports no code of it. A strategy needs
none: its file holds `Settings` and one subclass of Strategy.
"""

from __future__ import annotations

import msgspec


class Plugin(msgspec.Struct, frozen=True, kw_only=True):
    """A declaration; every name is `package.file:Name`.

    `rest` is the folder's actor for HTTP (kind `<folder>/rest`), `dialect` how the simulated
    exchange speaks this venue's protocol, `settings` the struct of the actor's settings and
    `rest_settings` of its rest actor's (None: it has none). A feed also names `replay`, a class
    that takes an Instrument and a capture's frames and holds the book, and `decode`, a function
    from one frame to its records as objects; both serve the command line. `tape` is a class that
    takes a Tape and (Instrument, number) pairs and turns frames into its events, for back-tests.
    """

    sentence: str
    actor: str
    rest: str | None = None
    dialect: str | None = None
    settings: str | None = None
    rest_settings: str | None = None
    replay: str | None = None
    decode: str | None = None
    tape: str | None = None
