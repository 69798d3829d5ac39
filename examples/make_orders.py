"""Makes examples/data/orders.csv, the same 100,000 rows on every machine."""

import csv
import os
import random
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

ORDERS = Path(__file__).parent / "data" / "orders.csv"
ROWS = 100_000

_HEADER = ("order_id", "ordered_on", "country", "product", "quantity", "unit_price", "coupon")
_COUNTRIES = ("AT", "BR", "DE", "FR", "IN", "JP", "KE", "US")
_PRODUCTS = ("bobbin", "heddle", "loom", "reed", "shuttle", "treadle", "warp yarn", "weft yarn")
_COUPONS = ("", "", "", "SPRING", "WELCOME")
_FIRST_DAY = date(2024, 1, 1)
_DAYS = 730
_SEED = 20_240_101


def make_orders_if_missing(target: Path = ORDERS, rows: int = ROWS) -> None:
    """Safe with several processes at once: each writes a file of its own and puts it in place whole."""
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".orders-", suffix=".part")
    part = Path(name)
    try:
        with os.fdopen(descriptor, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(_lines(rows))
        part.chmod(0o644)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _lines(rows: int) -> Iterator[tuple[object, ...]]:
    # Seeded: the file is the same everywhere, and so is the summary that the README shows.
    chance = random.Random(_SEED)  # noqa: S311
    yield _HEADER
    for number in range(1, rows + 1):
        day = _FIRST_DAY + timedelta(days=chance.randrange(_DAYS))
        price = chance.randrange(199, 20_000) / 100
        yield (
            number,
            day.isoformat(),
            chance.choice(_COUNTRIES),
            chance.choice(_PRODUCTS),
            chance.randint(1, 12),
            f"{price:.2f}",
            chance.choice(_COUPONS),
        )


if __name__ == "__main__":
    make_orders_if_missing()
