-- Views: derived from the events alone, in the order of their ids, and equal when rebuilt.
-- Numbers that can grow without bound, or are unsigned, are decimal text.

CREATE TABLE orders (
    id               TEXT PRIMARY KEY,      -- 32 hexadecimal digits
    venue            INTEGER NOT NULL,
    strategy         INTEGER NOT NULL,
    instrument       INTEGER NOT NULL,
    op               INTEGER NOT NULL,
    side             INTEGER NOT NULL,
    type             INTEGER NOT NULL,
    time_in_force    INTEGER NOT NULL,
    price            INTEGER NOT NULL,      -- ticks
    quantity         INTEGER NOT NULL,      -- lots
    cumulative       INTEGER NOT NULL,      -- lots filled, by the fills counted
    guess_trade      TEXT NOT NULL,         -- the last one booked without a trade
    cost             TEXT NOT NULL,         -- ticks times lots of the fills counted
    fills            INTEGER NOT NULL,
    status           INTEGER NOT NULL,
    pending          INTEGER NOT NULL,
    evidence         INTEGER NOT NULL,
    reason           INTEGER NOT NULL,
    control          INTEGER NOT NULL,      -- of the gate, when it refused
    venue_order_id   TEXT NOT NULL,
    target           TEXT NOT NULL,         -- the order it replaces
    successor        TEXT NOT NULL,         -- the order that replaced it
    intent_source    INTEGER NOT NULL,
    intent_position  INTEGER NOT NULL,
    strand_source    INTEGER NOT NULL,
    strand_position  INTEGER NOT NULL,
    created          INTEGER NOT NULL,
    approved         INTEGER NOT NULL,      -- time of `approved`, 0 = never
    updated          INTEGER NOT NULL,
    last_event       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Which events speak of an order.
CREATE TABLE order_events (
    order_id TEXT NOT NULL,
    event    INTEGER NOT NULL,
    PRIMARY KEY (order_id, event)
) STRICT, WITHOUT ROWID;

CREATE INDEX orders_venue ON orders (venue_order_id);

CREATE TABLE fills (
    venue          INTEGER NOT NULL,
    instrument     INTEGER NOT NULL,
    trade_id       TEXT NOT NULL,
    order_id       TEXT NOT NULL,
    strategy       INTEGER NOT NULL,
    side           INTEGER NOT NULL,
    price          INTEGER NOT NULL,
    quantity       INTEGER NOT NULL,        -- 0: busted
    fee            INTEGER NOT NULL,        -- 1e-8 of fee_asset
    fee_asset      INTEGER NOT NULL,
    maker          INTEGER NOT NULL,
    guess          INTEGER NOT NULL,
    time           INTEGER NOT NULL,
    venue_time     INTEGER NOT NULL,
    seen           INTEGER NOT NULL,        -- reports of it; one was counted
    event          INTEGER NOT NULL,
    PRIMARY KEY (venue, instrument, trade_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX fills_order ON fills (order_id);

-- Signed position in lots. cost is what the open part cost, in ticks times lots, signed like the
-- quantity; realised + quantity * mark - cost is the cash flow + quantity * mark, always.
CREATE TABLE positions (
    venue      INTEGER NOT NULL,
    instrument INTEGER NOT NULL,
    quantity   TEXT NOT NULL,
    cost       TEXT NOT NULL,
    realised   TEXT NOT NULL,
    bought     TEXT NOT NULL,
    sold       TEXT NOT NULL,
    mark       INTEGER NOT NULL,            -- price of the last trade, ticks
    fills      INTEGER NOT NULL,
    updated    INTEGER NOT NULL,
    PRIMARY KEY (venue, instrument)
) STRICT, WITHOUT ROWID;

CREATE TABLE fees (
    venue      INTEGER NOT NULL,
    instrument INTEGER NOT NULL,
    asset      INTEGER NOT NULL,
    amount     TEXT NOT NULL,               -- 1e-8 of the asset, paid
    PRIMARY KEY (venue, instrument, asset)
) STRICT, WITHOUT ROWID;

CREATE TABLE balances (
    venue   INTEGER NOT NULL,
    asset   INTEGER NOT NULL,
    free    TEXT NOT NULL,                  -- 1e-8 of the asset
    locked  TEXT NOT NULL,
    updated INTEGER NOT NULL,
    PRIMARY KEY (venue, asset)
) STRICT, WITHOUT ROWID;

-- A strand: all that one cause led to. Its root is the record that no intent's cause precedes.
CREATE TABLE strands (
    source   INTEGER NOT NULL,
    position INTEGER NOT NULL,
    started  INTEGER NOT NULL,
    ended    INTEGER NOT NULL,
    intents  INTEGER NOT NULL,
    approved INTEGER NOT NULL,
    refused  INTEGER NOT NULL,
    fills    INTEGER NOT NULL,
    PRIMARY KEY (source, position)
) STRICT, WITHOUT ROWID;

-- What the configuration said of the numbers: scales, to show values as decimals.
CREATE TABLE listings (
    instrument INTEGER PRIMARY KEY,
    document   TEXT NOT NULL
) STRICT;
