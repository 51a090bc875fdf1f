"""Order text: every hole filled, numbers plain and exact, rounding never against us."""

from __future__ import annotations

import random
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import orjson
import pytest

from hotpath.instrument import Instrument
from hotpath.order import spell_id
from hotpath.template import ID, REQUEST, TIME, Template, TemplateTooLong, safe_price, safe_quantity

TEXT = b'{"id":"p' + REQUEST + b'","params":{"newClientOrderId":"' + ID + b'","timestamp":' + TIME


def test_what_is_written_is_what_was_meant() -> None:
    rng = random.Random(4)
    template = Template(TEXT)
    for tick, lot in (("0.01", "0.00001"), ("1", "1"), ("0.00000001", "0.1"), ("0.5", "0.001")):
        instrument = Instrument("X", tick, lot, id=1)
        for _ in range(200):
            id, price, lots = rng.getrandbits(128), rng.randrange(1, 10**9), rng.randrange(1, 10**9)
            time_ms = rng.randrange(10**12, 9 * 10**12)
            found = orjson.loads(template.write(id, time_ms * 10**6 + 5, instrument, price, lots))
            params = found["params"]
            assert found["id"] == "p" + spell_id(id)
            assert params["newClientOrderId"] == spell_id(id)
            assert params["timestamp"] == time_ms
            assert Decimal(params["price"]) == price * Decimal(tick)
            assert Decimal(params["quantity"]) == lots * Decimal(lot)
            assert "e" not in params["price"].lower() + params["quantity"].lower()


def test_a_price_of_zero_is_left_out() -> None:
    instrument = Instrument("X", "0.01", "0.1", id=1)
    assert "price" not in orjson.loads(Template(TEXT).write(1, 10**18, instrument, 0, 5))["params"]


def test_a_text_without_its_holes_is_refused() -> None:
    for text in (b"{}", TEXT.replace(TIME, b""), TEXT + ID, TEXT + b" " * 500):
        with pytest.raises(TemplateTooLong):
            Template(text)


def test_prices_round_to_safety_by_side() -> None:
    rng = random.Random(8)
    for tick, lot in (("0.01", "0.001"), ("0.25", "10"), ("5", "0.3")):
        instrument = Instrument("X", tick, lot, id=1)
        for _ in range(300):
            value = Decimal(rng.randrange(1, 10**8)).scaleb(-rng.randrange(0, 7))
            text = format(value, "f")
            down = int((value / Decimal(tick)).to_integral_value(ROUND_FLOOR))
            up = int((value / Decimal(tick)).to_integral_value(ROUND_CEILING))
            assert (safe_price(instrument, text, 1), safe_price(instrument, text, 2)) == (down, up)
            assert safe_quantity(instrument, text) == int(
                (value / Decimal(lot)).to_integral_value(ROUND_FLOOR)
            )
    for text in ("", "NaN", "1,5"):
        with pytest.raises(ValueError):
            safe_quantity(Instrument("X", "1", "1", id=1), text)


def test_an_id_spelled_ahead_is_the_id_written_and_another_is_spelled_anew() -> None:
    rng = random.Random(5)
    template, instrument = Template(TEXT), Instrument("X", "0.01", "0.1", id=1)
    for _ in range(300):
        id, other = rng.getrandbits(128), rng.getrandbits(128)
        template.expect(rng.choice((id, other)))
        found = orjson.loads(template.write(id, 10**18, instrument, 5, 5))
        assert found["id"] == "p" + spell_id(id)
        assert found["params"]["newClientOrderId"] == spell_id(id)


def test_amounts_are_plain_decimals_of_every_scale_and_size() -> None:
    rng = random.Random(6)
    template = Template(TEXT)
    for scale in range(19):
        step = Decimal(1).scaleb(-scale)
        instrument = Instrument("X", format(step, "f"), format(step, "f"), id=1)
        for _ in range(100):
            price, lots = (rng.randrange(1, 10 ** rng.randrange(1, 19)) for _ in range(2))
            params = orjson.loads(template.write(1, 10**18, instrument, price, lots))["params"]
            assert params["price"] == format(price * step, "f")
            assert params["quantity"] == format(lots * step, "f")
