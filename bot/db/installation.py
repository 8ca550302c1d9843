"""What this installation remembers about itself, by name."""

from bot.db.errors import MovedAway
from bot.db.transaction import Transaction

FILES = "files"
"""The mark that lies beside its blobs."""
_MOVED = "moved at"


def recall(name: str) -> Transaction[str | None]:
    """The remembered value; None if there is none."""
    rows = yield "SELECT value FROM installation WHERE name = :name", {"name": name}
    return rows[0]["value"] if rows else None


def remember(name: str, value: str) -> Transaction[None]:
    """Remember a value, instead of the one before."""
    yield _REMEMBER, {"name": name, "value": value}


def forget(name: str) -> Transaction[None]:
    """Remember nothing under this name."""
    yield "DELETE FROM installation WHERE name = :name", {"name": name}


def settle_on(name: str, value: str) -> Transaction[str]:
    """Remember `value` unless there is one already; returns what is remembered."""
    known = yield from recall(name)
    if known is not None:
        return known
    yield from remember(name, value)
    return value


def mark_moved(*, now_ms: int) -> Transaction[None]:
    """Say that it lives in another database from now on."""
    yield from remember(_MOVED, str(now_ms))


def ensure_not_moved() -> Transaction[None]:
    """Let nobody run on what lives elsewhere: two installations with the same jobs would both carry them.

    Raises:
        MovedAway: it was moved.
    """
    if (yield from recall(_MOVED)) is not None:
        raise MovedAway


_REMEMBER = """
    INSERT INTO installation (name, value) VALUES (:name, :value)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""
