"""What was made and spent in a stretch of days, counted in the ledger: by one server, or by all of them.

A clip counts on the day on which its reservation was settled or refunded.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache

from bot.db import guilds
from bot.db.transaction import Row, Rows, Transaction
from bot.domain.jobs import JobState
from bot.domain.money import MICRO_USD_PER_CREDIT, Scope
from bot.domain.spending import PAYS_NOBODY, Account, Overview, Spending
from bot.domain.usage import Day, Share, Usage


def of_guild(guild_id: int, *, days: int, now_ms: int) -> Transaction[Usage]:
    """A server's last `days` days by its own clock, today among them."""
    zone = yield from guilds.zone(guild_id)
    dates = _last(days, now_ms, zone)
    begins = [_begin_ms(one, zone) for one in (*dates, dates[-1] + timedelta(days=1))]
    rows = yield _of_guild(days), {"guild_id": guild_id, **{f"t{n}": at_ms for n, at_ms in enumerate(begins)}}
    ended = {(int(row["name"]), row["state"]): row for row in _about("day", rows)}
    return Usage(
        days=tuple(_day(ended, number, one) for number, one in enumerate(dates)),
        cancelled=sum(row["clips"] for (_, state), row in ended.items() if state == JobState.CANCELLED),
        median_wait_s=_median([(int(row["name"]), row["clips"]) for row in _about("wait", rows)]),
        members=_shares("member", rows),
        models=_shares("model", rows),
        providers=_shares("provider", rows),
    )


def across(*, days: int, now_ms: int, guild_id: int | None = None) -> Transaction[Overview]:
    """The last `days` days of every server, or of one, in UTC: the operator's clock is nobody's in particular."""
    wanted = {
        "since_ms": _begin_ms(_last(days, now_ms, UTC)[0], UTC),
        "guild_id": guild_id,
        "pays_nobody": PAYS_NOBODY,
    }
    rows = yield _ACROSS, wanted
    capped = yield _CEILINGS, {"operator": Scope.OPERATOR.value, "guild_id": guild_id}
    return Overview(
        days=days,
        accounts=tuple(Account(row["guild_id"], row["provider"], _spending(row)) for row in rows),
        ceilings={row["guild_id"]: row["amount"] for row in capped},
    )


def is_known(guild_id: int) -> Transaction[bool]:
    """Whether a server was ever seen."""
    return bool((yield "SELECT 1 AS is_known FROM guilds WHERE guild_id = :guild_id", {"guild_id": guild_id}))


def _last(days: int, now_ms: int, zone: tzinfo) -> list[date]:
    today = datetime.fromtimestamp(now_ms / 1000, zone).date()
    return [today - timedelta(days=ago) for ago in reversed(range(days))]


def _begin_ms(day: date, zone: tzinfo) -> int:
    """Midnight, or where the clock is turned at midnight the moment at which it is."""
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) * 1000


def _about(what: str, rows: Rows) -> list[Row]:
    return [row for row in rows if row["what"] == what]


def _day(ended: dict[tuple[int, str], Row], number: int, day: date) -> Day:
    of_day = {state: row for (its_number, state), row in ended.items() if its_number == number}
    done = of_day.get(JobState.DONE)
    return Day(
        date=day,
        done=done["clips"] if done else 0,
        failed=sum(of_day[state]["clips"] for state in _FAILED if state in of_day),
        credits=done["credits"] if done else 0,
    )


def _shares(what: str, rows: Rows) -> tuple[Share, ...]:
    shares = [Share(row["name"], row["clips"], row["credits"]) for row in _about(what, rows)]
    return tuple(sorted(shares, key=lambda share: (-share.credits, -share.clips, share.name)))


def _median(counted: Sequence[tuple[int, int]]) -> float | None:
    """The median of values that come with how often there are."""
    total = sum(times for _, times in counted)
    if not total:
        return None
    return (_nth(counted, (total - 1) // 2) + _nth(counted, total // 2)) / 2


def _nth(counted: Sequence[tuple[int, int]], place: int) -> int:
    for value, times in sorted(counted):
        place -= times
        if place < 0:
            return value
    raise IndexError(place)


def _spending(row: Row) -> Spending:
    return Spending(
        clips=row["clips"],
        credits=row["credits"],
        worth=row["worth"],
        reported_micro_usd=row["reported_micro_usd"],
        reported_clips=row["reported_clips"],
        estimated_micro_usd=row["estimated_credits"] * MICRO_USD_PER_CREDIT,
        estimated_clips=row["estimated_clips"],
        maybe_charged=row["maybe_charged"],
    )


_FAILED = (JobState.FAILED, JobState.UNDELIVERABLE)


@lru_cache(maxsize=90)
def _of_guild(days: int) -> str:
    """Everything in one go over the rows: reading them is what takes the time."""
    bounds = ", ".join(f"({n}, CAST(:t{n} AS BIGINT), CAST(:t{n + 1} AS BIGINT))" for n in range(days))
    return f"WITH bounds (day, begins_ms, ends_ms) AS (VALUES {bounds}), {_ENDED} {_SUMS}"


# A clip that its member claimed waited until it was made, not until somebody wanted it.
_ENDED = """
    ended AS MATERIALIZED (
        SELECT bounds.day, ledger.user_id, ledger.provider, jobs.model, jobs.state,
            CASE kind WHEN 'settle' THEN ledger.credits ELSE 0 END AS credits,
            (CASE WHEN post_marked_at_ms IS NULL THEN coalesce(rendered_at_ms, finished_at_ms) ELSE finished_at_ms END
                - created_at_ms) / 1000 AS wait_s
        FROM bounds CROSS JOIN ledger CROSS JOIN jobs
        WHERE ledger.guild_id = :guild_id AND at_ms >= begins_ms AND at_ms < ends_ms
            AND kind IN ('settle', 'refund') AND jobs.id = job_id
    )
"""
_SUMS = """
    SELECT 'day' AS what, CAST(day AS TEXT) AS name, state, count(*) AS clips, sum(credits) AS credits
        FROM ended GROUP BY day, state
    UNION ALL SELECT 'member', CAST(user_id AS TEXT), '', count(*), sum(credits)
        FROM ended WHERE state = 'done' GROUP BY user_id
    UNION ALL SELECT 'model', model, '', count(*), sum(credits) FROM ended WHERE state = 'done' GROUP BY model
    UNION ALL SELECT 'provider', provider, '', count(*), sum(credits)
        FROM ended WHERE state = 'done' GROUP BY provider
    UNION ALL SELECT 'wait', CAST(wait_s AS TEXT), '', count(*), 0
        FROM ended WHERE state = 'done' GROUP BY wait_s
"""
_IS_UNREPORTED = """
    cost_micro_usd IS NULL AND ledger.provider <> :pays_nobody AND (kind = 'settle' OR rendered_at_ms IS NOT NULL)
"""
_ACROSS = f"""
    SELECT guilds.guild_id, ledger.provider,
        sum(CASE kind WHEN 'settle' THEN 1 ELSE 0 END) AS clips,
        sum(CASE kind WHEN 'settle' THEN ledger.credits ELSE 0 END) AS credits,
        sum(CASE kind WHEN 'settle' THEN jobs.worth ELSE 0 END) AS worth,
        coalesce(sum(cost_micro_usd), 0) AS reported_micro_usd,
        count(cost_micro_usd) AS reported_clips,
        sum(CASE WHEN {_IS_UNREPORTED} THEN jobs.worth ELSE 0 END) AS estimated_credits,
        sum(CASE WHEN {_IS_UNREPORTED} THEN 1 ELSE 0 END) AS estimated_clips,
        sum(CASE WHEN cost_micro_usd IS NULL AND rendered_at_ms IS NULL THEN maybe_charged ELSE 0 END)
            AS maybe_charged
    FROM guilds CROSS JOIN ledger CROSS JOIN jobs
    WHERE ledger.guild_id = guilds.guild_id AND at_ms >= :since_ms AND kind IN ('settle', 'refund')
        AND jobs.id = job_id
        AND (CAST(:guild_id AS BIGINT) IS NULL OR guilds.guild_id = CAST(:guild_id AS BIGINT))
    GROUP BY guilds.guild_id, ledger.provider
    ORDER BY guilds.guild_id, ledger.provider
"""  # noqa: S608 - built from a constant
_CEILINGS = """
    SELECT guild_id, amount FROM limits
    WHERE scope = :operator AND amount IS NOT NULL
        AND (CAST(:guild_id AS BIGINT) IS NULL OR guild_id = CAST(:guild_id AS BIGINT))
"""
