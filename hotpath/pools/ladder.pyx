"""An order book's levels as a pool, so that sizing and splitting treat books and pools alike.

Coin 0 is the base, coin 1 the quote. `bids` and `asks` are `[[price, quantity], ...]`, best first;
a price is decimal text, smallest units of coin 1 for one smallest unit of coin 0, taken exactly; a
quantity is an integer of coin 0's smallest units. Each level is filled by itself: what selling gives is
rounded down, what buying costs is rounded up. `fee_bps` is the taker's fee, of what is received,
rounded up. Buying leaves back what does not pay for one more unit: amount_in says what was spent.
"""

from libc.stdlib cimport calloc, free

from hotpath.pools.fields cimport number_of
from hotpath.pools.pool cimport *
from hotpath.u256 cimport *

from hotpath.pools.pool import Refusal

cdef enum:
    MOST_LEVELS = 100000


cdef object exact(text, str name):
    """(numerator, decimals) of decimal text."""
    if not isinstance(text, str):
        raise Refusal("bad_field", f"{name} is decimal text")
    whole, _, part = text.partition(".")
    digits = whole + part
    if not whole or not digits.isascii() or not digits.isdigit() or len(digits) > 60 or len(part) > 36 or text.endswith("."):
        raise Refusal("bad_field", f"{name} is not a decimal number: {text!r}")
    return int(digits), len(part)


cdef class Ladder(Pool):
    """The two sides of one book."""

    def __dealloc__(self):
        free(self.levels[0])
        free(self.levels[1])

    cdef u256 after_fee(self, u256 gross, u256* fee) noexcept nogil:
        u256_muldiv_u64(gross, self.fee_bps, 10000, 1, fee)
        return u256_sub(gross, fee[0], NULL)

    cdef void sell(self, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        """Coin 0 into the bids; a limit is the lowest price, over the book's scale."""
        cdef u256 left = amount[0], take, given, gross = U256_ZERO
        cdef uint32_t i
        for i in range(self.count[0]):
            if u256_is_zero(left) or (limit != NULL and u256_lt(self.levels[0][i].price, limit[0])):
                break
            take = left if u256_lt(left, self.levels[0][i].quantity) else self.levels[0][i].quantity
            if u256_muldiv(take, self.levels[0][i].price, self.scale, &given):
                out.status = STATUS_OVERFLOW
                return
            gross = u256_add(gross, given, NULL)
            left = u256_sub(left, take, NULL)
            out.price_after = self.levels[0][i].price
            out.crossed += 1
        out.amount_in = u256_sub(amount[0], left, NULL)
        out.amount_out = self.after_fee(gross, &out.fee)
        if not u256_is_zero(left):
            out.status = STATUS_NO_LIQUIDITY if u256_is_zero(out.amount_in) else STATUS_PARTIAL

    cdef void buy(self, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        """Coin 1 for the asks; a limit is the highest price, over the book's scale."""
        cdef u256 left = amount[0], take, cost, gross = U256_ZERO
        cdef uint32_t i
        cdef bint stopped = True
        for i in range(self.count[1]):
            if limit != NULL and u256_lt(limit[0], self.levels[1][i].price):
                break
            take = self.levels[1][i].quantity
            if u256_muldiv_up(take, self.levels[1][i].price, self.scale, &cost) or u256_lt(left, cost):
                stopped = False
                if u256_muldiv(left, self.scale, self.levels[1][i].price, &take):
                    take = self.levels[1][i].quantity
                if u256_lt(self.levels[1][i].quantity, take):
                    take = self.levels[1][i].quantity
                u256_muldiv_up(take, self.levels[1][i].price, self.scale, &cost)
            if not u256_is_zero(take):
                gross = u256_add(gross, take, NULL)
                left = u256_sub(left, cost, NULL)
                out.price_after = self.levels[1][i].price
                out.crossed += 1
            if not stopped or u256_is_zero(left):
                break
        out.amount_in = u256_sub(amount[0], left, NULL)
        out.amount_out = self.after_fee(gross, &out.fee)
        if stopped and not u256_is_zero(left):
            out.status = STATUS_NO_LIQUIDITY if u256_is_zero(out.amount_in) else STATUS_PARTIAL

    cdef void quote_in_to(self, int direction, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        quote_clear(out)
        if u256_is_zero(amount[0]) or u256_is_negative(amount[0]):
            out.status = STATUS_REFUSED
        elif direction == 0:
            self.sell(amount, limit, out)
        else:
            self.buy(amount, limit, out)

    cdef void quote_out_to(self, int direction, const u256* amount, const u256* limit, Quote* out) noexcept nogil:
        """The least that gives `amount`: halving, because every level and the fee round for themselves."""
        cdef u256 low = U256_ONE, high = U256_ZERO, middle, cost
        cdef uint32_t i
        quote_clear(out)
        if u256_is_zero(amount[0]) or limit != NULL:
            out.status = STATUS_REFUSED
            return
        for i in range(self.count[direction]):
            if direction == 0:
                cost = self.levels[0][i].quantity
            elif u256_muldiv_up(self.levels[1][i].quantity, self.levels[1][i].price, self.scale, &cost):
                out.status = STATUS_OVERFLOW
                return
            high = u256_add(high, cost, NULL)
        if u256_is_zero(high):
            out.status = STATUS_NO_LIQUIDITY
            return
        while u256_lt(low, high):
            middle = u256_shr(u256_add(low, high, NULL), 1)
            self.quote_in_to(direction, &middle, NULL, out)
            if u256_lt(out.amount_out, amount[0]):
                low = u256_add(middle, U256_ONE, NULL)
            else:
                high = middle
        self.quote_in_to(direction, &low, NULL, out)
        if u256_lt(out.amount_out, amount[0]):
            out.status = STATUS_PARTIAL

    cdef double spot(self, int direction) noexcept nogil:
        cdef double price
        if not self.count[direction]:
            return 0.0
        price = u256_to_double(self.levels[direction][0].price) / u256_to_double(self.scale)
        return price if direction == 0 else 1.0 / price

    cdef double rank(self, int direction) noexcept nogil:
        return self.spot(direction) * (1.0 - self.fee_bps * 1e-4)

    cdef void curve(self, int direction, curve_row* row) noexcept nogil:
        cdef double keep = 1.0 - self.fee_bps * 1e-4, price, quantity
        cdef uint32_t i
        row.n = 0
        for i in range(self.count[direction]):
            if i == <uint32_t>CURVE_PIECES:
                return
            price = u256_to_double(self.levels[direction][i].price) / u256_to_double(self.scale)
            quantity = u256_to_double(self.levels[direction][i].quantity)
            row.pieces[i].a = keep * (price if direction == 0 else 1.0 / price)
            row.pieces[i].b = 0.0
            row.pieces[i].cap = quantity if direction == 0 else quantity * price
            row.pieces[i].gas = 0.0
            row.n += 1

    def depth(self, int direction, price_limit):
        """What can be paid in on side `direction` until the next level is beyond `price_limit` (over scale)."""
        return self.quote_in(direction, (1 << 255) - 1, price_limit)

    def state(self):
        """`bids`, `asks` and `fee_bps`, as `from_state` reads them."""
        scale = len(str(to_int(self.scale))) - 1
        sides = []
        for side in range(2):
            rows = []
            for i in range(self.count[side]):
                digits = str(to_int(self.levels[side][i].price)).rjust(scale + 1, "0")
                price = digits[: len(digits) - scale] + ("." + digits[len(digits) - scale :] if scale else "")
                rows.append([price, str(to_int(self.levels[side][i].quantity))])
            sides.append(rows)
        return {"bids": sides[0], "asks": sides[1], "fee_bps": str(self.fee_bps)}

    @classmethod
    def from_state(cls, state):
        """A ladder from `{"bids", "asks", "fee_bps"?}`; Refusal("bad_field") where it is malformed."""
        cdef Ladder ladder = cls.__new__(cls)
        cdef Level* level
        if not isinstance(state, dict):
            raise Refusal("bad_field", "a book is an object with bids and asks")
        ladder.fee_bps = <uint32_t>number_of(state.get("fee_bps", 0), "fee_bps", 14, 0).w[0]
        if ladder.fee_bps > 10000:
            raise Refusal("bad_field", "fee_bps is at most 10000")
        sides = []
        for name in ("bids", "asks"):
            levels = state.get(name, [])
            if not isinstance(levels, list) or len(levels) > MOST_LEVELS:
                raise Refusal("bad_field", f"{name} is a list of at most {MOST_LEVELS} levels")
            if not all(isinstance(row, list) and len(row) >= 2 for row in levels):
                raise Refusal("bad_field", f"a level of {name} is [price, quantity]")
            sides.append([(exact(row[0], "price"), row[1]) for row in levels])
        decimals = max([d for side in sides for (_, d), _ in side], default=0)
        ladder.scale = from_int(10**decimals)
        for side, levels in enumerate(sides):
            ladder.levels[side] = <Level*>calloc(len(levels) or 1, sizeof(Level))
            if ladder.levels[side] == NULL:
                raise MemoryError
            before = None
            for (digits, places), quantity in levels:
                price = digits * 10 ** (decimals - places)
                if price <= 0 or price >> 200:
                    raise Refusal("bad_field", "a price is above zero and below 2^200")
                if before is not None and (price >= before if side == 0 else price <= before):
                    raise Refusal("bad_field", "levels come best first, each price once")
                before = price
                level = &ladder.levels[side][ladder.count[side]]
                level.price = from_int(price)
                level.quantity = number_of(quantity, "quantity", 128, 0)
                if u256_is_zero(level.quantity):
                    raise Refusal("bad_field", "a level's quantity is above zero")
                ladder.count[side] += 1
        return ladder
