"""Threads, forum posts and direct messages: opening and changing them."""

from collections.abc import Iterator, Sequence

from bot.sandbox.rules.messages import POSTED
from bot.sandbox.rules.shape import (
    Check,
    Json,
    Shape,
    anything,
    as_object,
    at,
    items,
    one_of,
    snowflake,
    text,
    truth,
    whole,
)


def _is_not_blank(where: str, thread: Json) -> Iterator[str]:
    if "name" in thread and not (thread["name"] or "").strip():
        yield f"{at(where, 'name')} is blank."


_THREAD: dict[str, Check] = {
    "name": text(1, 100),
    "auto_archive_duration": one_of(60, 1440, 4320, 10080),
    "rate_limit_per_user": whole(0, 21600),
}
_NAMED = frozenset({"name"})
FROM_MESSAGE = Shape(_THREAD, _NAMED, (_is_not_blank,))
STAND_ALONE = Shape({**_THREAD, "type": one_of(10, 11, 12), "invitable": truth}, _NAMED, (_is_not_blank,))
_POST = Shape(
    {
        **_THREAD,
        "type": one_of(11),  # discord.py sends it
        "applied_tags": items(snowflake, 0, 5),
        "message": anything,
    },
    _NAMED,
    (_is_not_blank,),
)
CHANGED = Shape(
    {
        **_THREAD,
        "archived": truth,
        "locked": truth,
        "invitable": truth,
        "applied_tags": items(snowflake, 0, 5),
    },
    rules=(_is_not_blank,),
    is_open=True,  # the same route changes channels of every other kind
)
DIRECT = Shape({"recipient_id": snowflake}, frozenset({"recipient_id"}))


def opened(body: object, files: Sequence[str]) -> Iterator[str]:
    """What is wrong with a thread without a starter message, or with a forum post when it brings one."""
    if "message" not in as_object(body):
        yield from STAND_ALONE("", body)
        if files:
            yield "A thread outside a forum is opened without files."
        return
    yield from _POST("", body)
    yield from POSTED("message", as_object(body)["message"], files)
