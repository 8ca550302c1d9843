"""Messages as they are sent and edited: by the bot, through a webhook, as the answer to an interaction."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bot.sandbox.rules.components import TOP_LEVEL, has_v2, media, together
from bot.sandbox.rules.embeds import EMBEDS, POLL, pictures, total_fits
from bot.sandbox.rules.shape import (
    Check,
    Json,
    Shape,
    address,
    anything,
    as_list,
    as_object,
    at,
    is_whole,
    items,
    one_of,
    repeated,
    snowflake,
    text,
    truth,
    whole,
)

SUPPRESS_EMBEDS, EPHEMERAL, SILENT, VOICE, V2 = 1 << 2, 1 << 6, 1 << 12, 1 << 13, 1 << 15
_BY_A_BOT = SUPPRESS_EMBEDS | SILENT | VOICE | V2
_BY_AN_INTERACTION = _BY_A_BOT | EPHEMERAL
_MAX_FILES = 10
_REFERENCE = "attachment://"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_UNSENDABLE_NAME = re.compile(r"[/\\\x00-\x1f\x7f]")
_EXCLUDED_BY_V2 = ("content", "embeds", "poll", "sticker_ids")
_CONTENTS = ("embeds", "components", "sticker_ids", "poll", "shared_client_theme")


def _nonce(where: str, value: object) -> Iterator[str]:
    if not is_whole(value):
        yield from text(0, 25)(where, value)


def _mentions_agree(where: str, allowed: Json) -> Iterator[str]:
    for key in ("users", "roles"):
        if key in as_list(allowed.get("parse")) and allowed.get(key):
            yield f"{at(where, 'parse')} allows all {key}, so {at(where, key)} cannot name some."


_MENTIONS = Shape(
    {
        "parse": items(one_of("everyone", "users", "roles"), 0, 3, unique=True),
        "users": items(snowflake, 0, 100, unique=True),
        "roles": items(snowflake, 0, 100, unique=True),
        "replied_user": truth,
    },
    rules=(_mentions_agree,),
)
_KEPT_KEYS = ("proxy_url", "size", "url", "spoiler", "height", "width", "content_type", "ephemeral", "flags")
_ATTACHMENT = Shape(  # discord.py sends the whole of an attachment that is kept
    {
        "id": snowflake,
        "filename": text(1, 1024),
        "description": text(0, 1024),
        "title": text(0, 1024),
        "duration_secs": anything,
        "waveform": text(0, 400),
        "is_spoiler": truth,
        "is_remix": truth,
        **dict.fromkeys(_KEPT_KEYS, anything),
    },
    frozenset({"id"}),
)
_FORWARD = 1


def _forward_says_where(where: str, reference: Json) -> Iterator[str]:
    if reference.get("type") == _FORWARD and not reference.get("channel_id"):
        yield f"{at(where, 'channel_id')} is missing; a forward needs it."


_MESSAGE_REFERENCE = Shape(
    {
        "type": one_of(0, _FORWARD),
        "message_id": snowflake,
        "channel_id": snowflake,
        "guild_id": snowflake,
        "fail_if_not_exists": truth,
    },
    frozenset({"message_id"}),
    (_forward_says_where,),
)
_COMMON: dict[str, Check] = {
    "content": text(0, 2000),
    "embeds": EMBEDS,
    "allowed_mentions": _MENTIONS,
    "components": TOP_LEVEL,
    "attachments": items(_ATTACHMENT, 0, _MAX_FILES),
    "flags": whole(0, 2**31 - 1),
    "tts": truth,  # discord.py sends it with every message, also where Discord does not look at it
}
_STICKERS = {"sticker_ids": items(snowflake, 0, 3)}
_POLL = {"poll": POLL}


@dataclass(frozen=True)
class MessageKind:
    """What one route takes: its own keys, and whether it makes a message or changes one.

    `flags` are the bits that may be set; None where flags set earlier have to be repeated.
    """

    keys: Mapping[str, Check] = field(default_factory=dict[str, Check])
    flags: int | None = None
    is_new: bool = True

    def __call__(self, where: str, value: object, files: Sequence[str]) -> Iterator[str]:
        """Say what is wrong with a message that is sent with these files."""
        shape = Shape({**_COMMON, **self.keys})
        message = as_object(value)
        faults = list(shape(where, {} if value is None and files else value))
        yield from faults or self._whole_message(where, message, files)

    def _whole_message(self, where: str, message: Json, files: Sequence[str]) -> Iterator[str]:
        yield from self._flags(where, message)
        yield from self._not_empty(where, message, files)
        yield from self._v2(where, message)
        yield from total_fits(where, message)
        yield from self._files(where, message, files)

    def _flags(self, where: str, message: Json) -> Iterator[str]:
        flags = int(message.get("flags") or 0)
        if self.flags is not None and flags & ~self.flags:
            yield f"{at(where, 'flags')} has bits that cannot be set here: {flags & ~self.flags}."

    def _not_empty(self, where: str, message: Json, files: Sequence[str]) -> Iterator[str]:
        has_text = bool((message.get("content") or "").strip())
        if has_text or files or any(message.get(key) for key in _CONTENTS):
            return
        is_forward = as_object(message.get("message_reference")).get("type") == _FORWARD
        if self.is_new and not is_forward:
            yield f"{where or 'The message'} is empty."
        emptied = ("content", "embeds", "components", "attachments")
        if not self.is_new and all(key in message and not message[key] for key in emptied):
            yield f"{where or 'The edit'} leaves an empty message."

    def _v2(self, where: str, message: Json) -> Iterator[str]:
        is_flagged = bool(int(message.get("flags") or 0) & V2)
        place, components = at(where, "components"), message.get("components")
        if is_flagged or has_v2(components):
            for key in _EXCLUDED_BY_V2:
                if message.get(key):
                    yield f"{at(where, key)} cannot be used together with V2 components."
        if self.is_new and is_flagged and not components:
            yield f"{place} is missing; the flags say that the message consists of V2 components."
        if self.is_new and not is_flagged and has_v2(components):
            yield f"{place} has V2 components, which need the flag {V2} in {at(where, 'flags')}."
        yield from together(place, components, is_v2=is_flagged or has_v2(components))

    def _files(self, where: str, message: Json, files: Sequence[str]) -> Iterator[str]:
        entries = [as_object(entry) for entry in as_list(message.get("attachments"))]
        kept = [entry for entry in entries if int(entry["id"]) >= _MAX_FILES]  # not the index of a new file
        yield from self._entries(where, entries, kept, files)
        if len(files) + len(kept) > _MAX_FILES:
            yield f"A message may have {_MAX_FILES} files; this one has {len(files) + len(kept)}."
        for name in files:
            if not name or _UNSENDABLE_NAME.search(name):
                yield f"{name!r} is not a file name."
        yield from self._references(where, message, _names(entries, files))

    def _entries(
        self, where: str, entries: Sequence[Json], kept: Sequence[Json], files: Sequence[str]
    ) -> Iterator[str]:
        place = at(where, "attachments")
        for identifier in repeated([str(entry["id"]) for entry in entries]):
            yield f"{place} has the id {identifier} twice."
        if kept and self.is_new:
            yield f"{place} names attachments of another message: {', '.join(str(e['id']) for e in kept)}."
        for entry in entries:
            if len(files) <= int(entry["id"]) < _MAX_FILES:
                yield f"{place} has the id {entry['id']}, but no file of that number is uploaded."

    def _references(self, where: str, message: Json, names: set[str]) -> Iterator[str]:
        shown = [
            *media(at(where, "components"), message.get("components")),
            *pictures(at(where, "embeds"), message.get("embeds")),
        ]
        # An edit may show a file that the message has already, under a name that is not in the request.
        may_have_more = not self.is_new and (
            not isinstance(message.get("attachments"), list) or _keeps(message)
        )
        for place, url in shown:
            name = url.removeprefix(_REFERENCE)
            if name == url:
                continue
            if name not in names and not may_have_more:
                yield f"{place} names {name}, but no such file is uploaded."
            elif not _PLAIN_NAME.fullmatch(name):
                yield f"{place} names {name}, which Discord will store under another name."


def _keeps(message: Json) -> bool:
    return any(int(entry["id"]) >= _MAX_FILES for entry in as_list(message.get("attachments")))


def _names(entries: Sequence[Json], files: Sequence[str]) -> set[str]:
    given = {int(entry["id"]): str(entry["filename"]) for entry in entries if entry.get("filename")}
    return {given.pop(index, name) for index, name in enumerate(files)} | set(given.values())


CREATED = MessageKind(
    {
        **_STICKERS,
        **_POLL,
        "nonce": _nonce,
        "enforce_nonce": truth,
        "message_reference": _MESSAGE_REFERENCE,
        "shared_client_theme": anything,
    },
    flags=_BY_A_BOT,
)
EDITED = MessageKind(_STICKERS, is_new=False)
POSTED = MessageKind({**_STICKERS, **_POLL}, flags=_BY_A_BOT)  # the first message of a forum post
FOLLOW_UP = MessageKind(
    {
        **_POLL,
        "username": text(1, 80),
        "avatar_url": address("https?"),
        "thread_name": text(0, 100),
        "applied_tags": items(snowflake, 0, 5),
    },
    flags=_BY_AN_INTERACTION,
)
WEBHOOK_EDITED = MessageKind(_POLL, is_new=False)
ANSWERED = MessageKind(_POLL, flags=_BY_AN_INTERACTION)
UPDATED = MessageKind(is_new=False)
