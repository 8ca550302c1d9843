"""The portable text of a statement, as psycopg wants it."""

import re
from functools import lru_cache

_PIECE = re.compile(
    r"""
    (?P<quoted>'(?:[^']|'')*'|"(?:[^"]|"")*")
    | /\*pg:(?P<own>.*?)\*/
    | (?P<comment>--[^\n]*|/\*.*?\*/)
    | (?P<cast>::)
    | :(?P<name>[a-zA-Z_]\w*)
    | (?P<percent>%)
    """,
    re.DOTALL | re.VERBOSE,
)


@lru_cache(4096)
def translated(sql: str) -> bytes:
    """With `:name` as `%(name)s`, and what stands in `/*pg:…*/` for PostgreSQL taken out of its comment."""
    return _translated(sql).encode()


def _translated(sql: str) -> str:
    return _PIECE.sub(_piece, sql)


def _piece(found: re.Match[str]) -> str:
    if name := found["name"]:
        return f"%({name})s"
    if found["own"] is not None:
        return _translated(found["own"])
    if found["comment"]:
        return " "
    return found[0].replace("%", "%%")
