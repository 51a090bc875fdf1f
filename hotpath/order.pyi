STATUS: tuple[str, ...]
PENDING: tuple[str, ...]
EVIDENCE: tuple[str, ...]
EVENTS: tuple[str, ...]
OUTCOMES: tuple[str, ...]
EFFECTS: dict[int, str]

def pack_id(instance: int, source: int, position: int, leg: int, attempt: int) -> int: ...
def unpack_id(whole: int) -> tuple[int, int, int, int, int]: ...
def spell_id(whole: int) -> str: ...
def spell_twice(whole: int) -> tuple[str, str]: ...
def read_id(text: str) -> int | None: ...
def effect_names(effect: int) -> set[str]: ...

class Orders:
    def __init__(self, room: int = 4096, trades: int = 65536) -> None: ...
    @property
    def used(self) -> int: ...
    @property
    def live(self) -> int: ...
    def new(
        self,
        id: int,
        *,
        quantity: int,
        price: int = 0,
        side: int = 1,
        instrument: int = 1,
        strategy: int = 0,
        now: int = 0,
    ) -> bool: ...
    def prepare(self, id: int = 0) -> None: ...
    def approve(self, id: int, now: int = 0) -> None: ...
    def report(
        self,
        id: int,
        event: str,
        *,
        now: int = 0,
        own: int | None = None,
        successor: int = 0,
        venue_order_id: int = 0,
        trade_id: int = 0,
        price: int = 0,
        quantity: int = 0,
        cumulative: int = -1,
        venue_time: int = 0,
        collected: int = 0,
        reason: int = 0,
        status: str = "NONE",
        definite: bool = False,
        guess: bool = False,
    ) -> int: ...
    def state(self, id: int) -> dict[str, object] | None: ...
    def by_venue_id(self, instrument: int, venue_order_id: int) -> int | None: ...
