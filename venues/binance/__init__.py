"""Binance spot order entry."""

from engine.plugin import Plugin

plugin = Plugin(
    sentence="Binance spot orders and account, on the WebSocket API.",
    actor="venues.binance.venue:BinanceVenue",
    rest="venues.binance.rest:BinanceRest",
    dialect="venues.binance.dialect:Dialect",
    settings="venues.binance.settings:Settings",
    rest_settings="venues.binance.settings:RestSettings",
    decode="venues.binance.codec:decode",
)
