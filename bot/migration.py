"""`python -m bot migrate`: the database brought up to date, or an installation moved to PostgreSQL."""

from pathlib import Path

from pydantic import SecretStr

from bot.clock import SystemClock
from bot.db.opening import open_database
from bot.domain.findings import number_of
from bot.settings import Settings, SettingsInvalid, database_of
from bot.stores import ensure_not_lost


async def bring_up_to_date(settings: Settings) -> None:
    """Apply what is missing, and say so.

    Raises:
        DatabaseFault: that cannot be done.
    """
    ensure_not_lost(settings)
    place = settings.database
    if isinstance(place, Path):
        place.parent.mkdir(parents=True, exist_ok=True)
    await (await open_database(place)).close()
    _say(f"{place if isinstance(place, Path) else 'The PostgreSQL database'} is up to date.")


async def move(settings: Settings, source_url: str, target_url: str) -> None:
    """Move an installation, and say what arrived.

    Args:
        settings: Where `target_url` is empty, they say where to.
        source_url: `sqlite:///path`
        target_url: `postgresql://…`

    Raises:
        SettingsInvalid: one of them is not what it should be.
        DatabaseFault: it cannot be moved; then nothing was.
    """
    source = database_of(source_url)
    target = database_of(target_url) if target_url else settings.database
    if not isinstance(source, Path) or not isinstance(target, SecretStr):
        raise SettingsInvalid(
            "Installations are moved from sqlite:///path to postgresql://…, and no other way."
        )
    from bot.db.postgres.moving import move as move_rows  # noqa: PLC0415 - psycopg need not be installed

    if source.exists():
        await (await open_database(source)).close()  # up to date, and not in use
    await (await open_database(target)).close()
    moved = await move_rows(
        source, target.get_secret_value(), now_ms=SystemClock().now_ms(), told=_tell_of_table
    )
    _say(f"Moved: {number_of(moved.rows, 'row')} in {number_of(moved.tables, 'table')}, counted and checked.")
    if moved.differences:
        _say(f"{moved.differences} balances differ from the ledger, there as here: see the log.")
    _say(f"{source} stays as it was; no bot starts on it any more. Set DATABASE_URL to the new one.")


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the command's answer


def _tell_of_table(table: str, rows: int) -> None:
    if rows:
        _say(f"  {table}: {rows:,}")
