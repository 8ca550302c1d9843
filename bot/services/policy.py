"""What a server lets be asked, where, and how it wants that made."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

from bot.db import guilds
from bot.db.transaction import Database
from bot.domain.content import ContentRules, Rule, content_rules, written
from bot.domain.errors import Refused
from bot.domain.jobs import Asker, Origin
from bot.domain.places import preferred
from bot.domain.requests import Asked, Options
from bot.language import LANGUAGES, tr
from bot.services.references import places_of

_O = TypeVar("_O", bound=Options)

_MAX_NAMED = 10


class NotInThisChannel(Refused):
    """Clips are not made in this channel."""

    def __init__(self, channels: Sequence[int]) -> None:
        named = ", ".join(f"<#{channel_id}>" for channel_id in channels[:_MAX_NAMED])
        super().__init__(
            tr("In this server clips are asked for in {channels}, and not here.", channels=named)
        )


class NotAgeRestricted(Refused):
    """This server has clips in age-restricted channels only: ask in one, or let a moderator make this channel one."""


class ContentRefused(Refused):
    """A rule of this server keeps this from being made."""

    def __init__(self, rule: Rule, *, is_moderators: bool) -> None:
        super().__init__()
        self.rule = rule
        self.is_moderators = is_moderators
        """Whether it was asked by who may manage the server; nobody is exempt."""


Where: TypeAlias = Asked | Origin
"""What says where a request was made, and by whom."""


@dataclass(frozen=True, slots=True)
class RefusedRequest:
    """What was asked and breaks a rule."""

    guild_id: int
    channel_id: int
    user_id: int
    text: str
    rule: Rule
    language: str
    """Of what everybody sees in that server."""
    is_private: bool = False
    """Whether it was asked where only some see it."""


class Policy:
    """Reads what the moderators of a server chose, and applies it to a request; nobody is exempt."""

    def __init__(self, *, db: Database, refused: Callable[[RefusedRequest], None]) -> None:
        """`refused` is told of requests that break a content rule."""
        self._db = db
        self._refused = refused
        self._reading = asyncio.Semaphore(1)
        """Long texts are read one at a time: others share the threads, and Python runs one of them at a time anyway."""

    async def check(self, asked: Asked, *, is_doubtful: bool = False) -> Asked:
        """A request as its server wants it: in the language that it has chosen.

        `is_doubtful`: perhaps nothing is asked for at all, so nobody is told of what breaks a rule.

        Raises:
            NotInThisChannel, NotAgeRestricted, ContentRefused: it does not want it.
        """
        held = await self._db.read(guilds.preferences(asked.guild_id))
        _check_place(asked, held)
        await self._check_content(
            asked, asked.options, held, is_moderators=asked.manages, is_told=not is_doubtful
        )
        return asked.model_copy(update={"language": _language(held, asked.language)})

    async def accept(self, origin: Origin, options: _O, asker: Asker) -> tuple[Origin, _O]:
        """The same once more for a request that becomes a job, in whatever way it came in; and hidden if need be.

        Raises:
            NotInThisChannel, NotAgeRestricted, ContentRefused: as `check`.
        """
        held = await self._db.read(guilds.preferences(origin.guild_id))
        _check_place(origin, held)
        await self._check_content(origin, options, held, is_moderators=asker.manages)
        is_hidden = bool(held.get("spoilers")) and held.get("unhidden_role_id") not in asker.roles
        options = options.model_copy(update={"spoiler": options.spoiler or is_hidden})
        return replace(origin, language=_language(held, origin.language)), options

    async def _check_content(
        self,
        where: Where,
        options: Options,
        held: Mapping[str, Any],
        *,
        is_moderators: bool,
        is_told: bool = True,
    ) -> None:
        rules = content_rules(held.get("blocked_words"), held.get("blocked_patterns"))
        text = written(options)
        broken = await self._broken(rules, text)
        if broken is None:
            return
        if is_told:
            self._refused(
                RefusedRequest(
                    where.guild_id,
                    where.channel_id,
                    where.user_id,
                    text,
                    broken,
                    _language(held, where.language),
                    where.is_private,
                )
            )
        raise ContentRefused(broken, is_moderators=is_moderators)

    async def _broken(self, rules: ContentRules, text: str) -> Rule | None:
        if not rules.takes_long(text):
            return rules.broken_by(text)
        async with self._reading:
            return await asyncio.to_thread(rules.broken_by, text)


def _check_place(where: Where, held: Mapping[str, Any]) -> None:
    allowed = places_of(held.get("allowed_channels"))
    if allowed and not {where.channel_id, where.parent_id} & {*allowed, *_gallery_for(where, held)}:
        raise NotInThisChannel(allowed)
    if held.get("age_restricted_only") and not where.is_age_restricted:
        raise NotAgeRestricted


def _gallery_for(where: Where, held: Mapping[str, Any]) -> list[int]:
    """Where clips are shown, they may be gone on with by what is below them, though nothing else is asked for there."""
    gallery_id = preferred(held.get("thread_style", 0), held.get("gallery_channel_id")).gallery_id
    goes_on = where.lineage if isinstance(where, Origin) else where.from_job_id or where.offer_id
    return [gallery_id] if goes_on and gallery_id else []


def _language(held: Mapping[str, Any], usual: str) -> str:
    chosen = held.get("language")
    return chosen if chosen in LANGUAGES else usual
