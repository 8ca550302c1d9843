"""The books, checked: what is derived from the ledger against its rows."""

from bot.db.transaction import Transaction


def discrepancies() -> Transaction[int]:
    """How many balances and grants differ from the sums of their rows; 0 in a sound database.

    It reads the whole ledger: some ten seconds for 400,000 rows, so not on the connection that others read from.
    """
    balances = yield _BALANCES, {}
    grants = yield _GRANTS, {}
    return int(balances[0]["n"]) + int(grants[0]["n"])


def wrong_ends() -> Transaction[list[int]]:
    """The jobs that were not reserved once, or not settled or given back as they have ended; none in a sound database.

    It reads the whole ledger, as `discrepancies` does.
    """
    rows = yield _WRONG_ENDS, {}
    return [row["id"] for row in rows]


_BALANCES = """
    WITH lines AS (
        SELECT ledger.*, kind = 'reserve' AND NOT EXISTS (
            SELECT 1 FROM ledger AS closing
            WHERE closing.job_id = ledger.job_id AND closing.kind <> 'reserve'
        ) AS is_open
        FROM ledger WHERE kind IN ('reserve', 'settle', 'refund', 'adjust')
    ), accounts AS (
        SELECT guild_id, 'member' AS scope, user_id AS subject_id, allowance AS amount, kind, is_open, day, week, month
        FROM lines WHERE kind <> 'refund'
        UNION ALL SELECT guild_id, 'server', 0, budget, kind, is_open, day, week, month FROM lines
            WHERE kind <> 'refund'
        UNION ALL SELECT guild_id, 'channel', channel_id, credits, kind, is_open, day, week, month FROM lines
            WHERE kind <> 'refund' AND channel_id IS NOT NULL
        UNION ALL SELECT guild_id, 'operator', 0, worth, kind, is_open, '', '', month FROM lines
    ), periods AS (
        SELECT guild_id, scope, subject_id, amount, kind, is_open, day AS period FROM accounts
        UNION ALL SELECT guild_id, scope, subject_id, amount, kind, is_open, week FROM accounts
        UNION ALL SELECT guild_id, scope, subject_id, amount, kind, is_open, month FROM accounts
    ), differences AS (
        SELECT guild_id, scope, subject_id, period,
            CASE WHEN is_open THEN amount ELSE 0 END AS reserved,
            CASE WHEN kind <> 'reserve' THEN amount ELSE 0 END AS used
        FROM periods WHERE period <> ''
        UNION ALL SELECT guild_id, scope, subject_id, period, -reserved, -used FROM balances
    ), wrong AS (
        SELECT period FROM differences GROUP BY guild_id, scope, subject_id, period
        HAVING sum(reserved) <> 0 OR sum(used) <> 0
    )
    SELECT count(*) AS n FROM wrong
"""
_GRANTS = """
    WITH differences AS (
        SELECT id AS grant_id, credits, reserved, used FROM grants
        UNION ALL SELECT grant_id, -credits, 0, 0 FROM ledger WHERE kind = 'grant'
        UNION ALL SELECT grant_id, 0, 0, -credits FROM draws WHERE kind = 'settle'
        UNION ALL SELECT grant_id, 0, -credits, 0 FROM draws WHERE kind = 'reserve' AND NOT EXISTS (
            SELECT 1 FROM draws AS closing WHERE closing.job_id = draws.job_id
                AND closing.grant_id = draws.grant_id AND closing.kind <> 'reserve')
    ), wrong AS (
        SELECT grant_id FROM differences GROUP BY grant_id
        HAVING sum(credits) <> 0 OR sum(reserved) <> 0 OR sum(used) <> 0
    )
    SELECT count(*) AS n FROM wrong
"""
_WRONG_ENDS = """
    SELECT jobs.id FROM jobs
    LEFT JOIN (
        SELECT job_id, count(CASE WHEN kind = 'reserve' THEN 1 END) AS reserved,
            count(CASE WHEN kind = 'settle' THEN 1 END) AS settled,
            count(CASE WHEN kind = 'refund' THEN 1 END) AS refunded
        FROM ledger WHERE job_id IS NOT NULL GROUP BY job_id
    ) AS said ON said.job_id = jobs.id
    WHERE coalesce(reserved, 0) <> 1 OR settled <> CASE WHEN state = 'done' THEN 1 ELSE 0 END
        OR refunded <> CASE WHEN state IN ('failed', 'cancelled') THEN 1 ELSE 0 END
    ORDER BY jobs.id
"""
