"""Embeds and polls: what a message carries besides text, files and components."""

from collections.abc import Iterator
from datetime import datetime

from bot.sandbox.rules.shape import (
    Json,
    Shape,
    address,
    anything,
    as_list,
    as_object,
    at,
    items,
    one_of,
    snowflake,
    text,
    truth,
    whole,
)

_MAX_TOTAL = 6000
_URL = address("https?")
_MEDIA_URL = address("https?", "attachment")
_COUNTED = ("title", "description", "name", "value", "text")
_VISIBLE = ("title", "description", "author", "footer", "image", "thumbnail", "fields", "timestamp", "video")


def _moment(where: str, value: object) -> Iterator[str]:
    try:
        datetime.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        yield f"{where} must be a time in ISO 8601, not {value!r}."


def _shows_something(where: str, embed: Json) -> Iterator[str]:
    if not any(embed.get(key) for key in _VISIBLE):
        yield f"{where} is an embed that shows nothing."


_PICTURE = Shape({"url": _MEDIA_URL}, is_open=True)  # a fetched embed that is sent again brings more
_EMBED = Shape(
    {
        "type": anything,
        "url": _URL,
        "title": text(0, 256),
        "description": text(0, 4096),
        "color": whole(0, 0xFFFFFF),
        "timestamp": _moment,
        "author": Shape({"name": text(1, 256), "url": _URL, "icon_url": _MEDIA_URL}, frozenset({"name"})),
        "footer": Shape({"text": text(1, 2048), "icon_url": _MEDIA_URL}, frozenset({"text"})),
        "image": _PICTURE,
        "thumbnail": _PICTURE,
        "video": anything,
        "flags": anything,
        "provider": anything,
        "fields": items(
            Shape(
                {"name": text(1, 256), "value": text(1, 1024), "inline": truth}, frozenset({"name", "value"})
            ),
            0,
            25,
        ),
    },
    rules=(_shows_something,),
)
EMBEDS = items(_EMBED, 0, 10)


def _length(embed: Json) -> int:
    parts = [embed, as_object(embed.get("author")), as_object(embed.get("footer"))]
    parts += [as_object(field) for field in as_list(embed.get("fields"))]
    return sum(len(part.get(key) or "") for part in parts for key in _COUNTED)


def total_fits(where: str, message: Json) -> Iterator[str]:
    """Whether the texts of all embeds together stay within what a message may have."""
    length = sum(_length(as_object(embed)) for embed in as_list(message.get("embeds")))
    if length > _MAX_TOTAL:
        yield f"{at(where, 'embeds')} may have {_MAX_TOTAL} characters in all; they have {length}."


def pictures(where: str, embeds: object) -> Iterator[tuple[str, str]]:
    """The URL of every picture in the embeds, with its place."""
    for index, entry in enumerate(as_list(embeds)):
        embed, place = as_object(entry), f"{where}[{index}]"
        for part, key in (
            ("image", "url"),
            ("thumbnail", "url"),
            ("author", "icon_url"),
            ("footer", "icon_url"),
        ):
            if url := as_object(embed.get(part)).get(key):
                yield at(at(place, part), key), url


_EMOJI = Shape({"id": snowflake, "name": text(1, 32), "animated": truth})
_ANSWER = Shape({"text": text(1, 55), "emoji": _EMOJI})
POLL = Shape(
    {
        "question": Shape({"text": text(1, 300)}, frozenset({"text"})),
        "answers": items(
            Shape({"poll_media": _ANSWER, "answer_id": anything}, frozenset({"poll_media"})), 1, 10
        ),
        "duration": whole(1, 768),
        "allow_multiselect": truth,
        "layout_type": one_of(1),
    },
    frozenset({"question", "answers"}),
)
