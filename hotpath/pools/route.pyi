from collections.abc import Sequence

from hotpath.pools.pool import Pool

def path_amounts(
    hops: Sequence[tuple[Pool, int]], amount: int, exact_out: bool = False
) -> list[int]: ...
def split(
    venues: Sequence[Pool], direction: int, amount: int, costs: Sequence[int] | None = None
) -> list[tuple[int, int]]: ...
