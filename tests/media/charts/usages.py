"""What servers may have made and spent."""

from datetime import date, timedelta

from bot.domain.usage import Day, Share, Usage

TODAY = date(2026, 11, 21)
HOSTILE = (
    "$\\frac{1}{0}$ ^_{} $",
    "日本語のモデル",
    "\u202egnp.exe\nsecond line\x07",
    "z" + "\u0301" * 300 + " 🎬",
    "W" * 5000,
    "\ud800",
    "",
)


def days(count: int, *, done: int = 0, failed: int = 0, charged: int = 0) -> tuple[Day, ...]:
    return tuple(Day(TODAY - timedelta(count - 1 - n), done, failed, charged) for n in range(count))


def using(*names: str, least: int = 10) -> tuple[Share, ...]:
    return tuple(Share(name, 1, least * (len(names) - n)) for n, name in enumerate(names))


def used(
    some_days: tuple[Day, ...],
    *,
    wait_s: float | None = 250.0,
    members: tuple[Share, ...] = using("190000000000000001"),
    models: tuple[Share, ...] = using("kling-v2-1-master", "local"),
    providers: tuple[Share, ...] = using("kling", "local"),
) -> Usage:
    return Usage(some_days, 0, wait_s, members, models, providers)


EMPTY = Usage(days(30), 4, None, (), (), ())
SMALL = used((*days(30)[:27], *days(3, done=1, failed=1, charged=5)))
BUSY = used(
    days(90, done=22, failed=2, charged=310),
    members=using(*(str(190000000000000000 + n) for n in range(40))),
    models=using(*(f"kling-v{n}-image-to-video-with-a-name-that-is-quite-long" for n in range(9))),
    providers=using("kling", "kkiai", "aimlapi", "onemin", "local", "another"),
)
