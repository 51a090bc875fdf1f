"""Binance spot market data: diff depth with snapshot join, best bid and ask, trades."""

from engine.plugin import Plugin

plugin = Plugin(
    sentence="Binance spot market data: levels, best bid and ask, trades.",
    actor="feeds.binance.feed:BinanceFeed",
    rest="feeds.binance.rest:BinanceRest",
    settings="feeds.binance.settings:Settings",
    rest_settings="feeds.binance.settings:RestSettings",
    replay="feeds.binance.replay:BookReplay",
    decode="feeds.binance.codec:decode",
    tape="feeds.binance.normalise:Normaliser",
)
