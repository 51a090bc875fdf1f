"""Binance spot order entry."""

from engine.plugin import Plugin

plugin = Plugin(
    sentence="Binance spot orders and account, on the WebSocket API.",
    actor="venues.binance.venue:BinanceVenue",
    dialect="venues.binance.dialect:Dialect",
    settings="venues.binance.settings:Settings",
    decode="venues.binance.codec:decode",
)
