"""Pages of a member's jobs are found by their place in the index, however long the history is."""

import re

import pytest

from bot.db import listings
from bot.db.sqlite import SqliteDatabase
from bot.db.transaction import Transaction


def plan(sql: str) -> Transaction[str]:
    rows = yield f"EXPLAIN QUERY PLAN {sql}", dict.fromkeys(re.findall(r":(\w+)", sql), 1)
    return "\n".join(row["detail"] for row in rows)


@pytest.mark.parametrize(("sql", "sign"), [(listings._OLDER, "<"), (listings._NEWER, ">")])
async def test_a_page_begins_where_the_index_says_and_is_not_sorted(
    embedded: SqliteDatabase, sql: str, sign: str
) -> None:
    found = await embedded.read(plan(sql))
    assert f"INDEX jobs_member (guild_id=? AND user_id=? AND id{sign}?)" in found
    assert "TEMP B-TREE" not in found
