"""Messages that ask for a clip: those that name the bot beside a picture or under one, and replies to its clips."""

import re
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

import discord
import structlog
from pydantic import ValidationError

from bot.db.errors import DatabaseFault
from bot.domain.begun import Begun
from bot.domain.errors import Blocked, DeliveryFault, KinoraError, Refused
from bot.domain.flags import without_mention
from bot.domain.requests import Asked, Options
from bot.language import language_of, speak, tr
from bot.services.generation import Generation
from bot.services.manners import Choice, Manners, ReplyStyle
from bot.services.pace import Pace, TooFast
from bot.services.ports import Clock
from bot.services.remembered import Remembered
from bot.ui import checks
from bot.ui.answers import Answer, shown
from bot.ui.choices import Choices, begun_with, picture_view, question_view
from bot.ui.compose import Composer
from bot.ui.faults import translated
from bot.ui.intake import Intake
from bot.ui.names import with_names
from bot.ui.pictures import clip_in, pictures_in
from bot.ui.replies import ToMessage
from bot.ui.threads import DiscordPublisher

log = structlog.stdlib.get_logger(__name__)

_AT_ONCE = 5
"""Requests of one member that are being taken; those that are jobs already do not count."""
_QUIET_MS = 60_000
_ANY_LIMIT = 500 * 1024 * 1024
"""More than any server takes: what the bot itself may upload decides."""
_ASKING = frozenset({discord.MessageType.default, discord.MessageType.reply})


class TooManyAtOnce(Refused):
    """I am still taking what you asked for before; try again in a moment."""


class MayNotUseCommands(Refused):
    """You may not use apps in this channel."""


class Mentions:
    """Takes messages; part of the desk."""

    def __init__(
        self,
        *,
        generation: Generation,
        composer: Composer,
        choices: Choices,
        intake: Intake,
        publisher: DiscordPublisher,
        manners: Manners,
        pace: Pace,
        clock: Clock,
    ) -> None:
        self._generation = generation
        self._composer = composer
        self._choices = choices
        self._intake = intake
        self._publisher = publisher
        self._manners = manners
        self._pace = pace
        self._clock = clock
        self._taken = Remembered()
        self._spoken_to = Remembered()
        self._slowed_down = Remembered()
        self._under_way: Counter[tuple[int, int]] = Counter()

    async def take(self, client: Any, message: discord.Message) -> None:
        """Take a message that may be for the bot; most are not."""
        us_id: int = client.user.id
        if not _is_for(message, us_id) or not self._taken.is_new(message.id, self._clock.now_ms()):
            return
        try:
            if not _may_reply(message):
                log.debug("nothing can be said there", message=message.id)
                return
            if not await self._is_slow_enough(message):
                return
            target = await self._replied_to(client, message)
            if _is_named(message, us_id):
                await self._take(client, message, target)
            elif target is not None and clip_in(target, us_id) is not None:
                await self._take_reply(client, message, target)
        except (KinoraError, ValidationError, DatabaseFault) as refusal:
            log.info("message not answered", message=message.id, reason=str(refusal))
        except Exception:  # one message must not end the bot
            log.exception("message not answered", message=message.id)

    async def _take(self, client: Any, message: discord.Message, target: discord.Message | None) -> None:
        """Take a message that names the bot: whatever comes of it, it is answered."""
        asked = _asked(message)
        try:
            asked = self._spoken(asked, await self._manners.of(asked.guild_id))
            begun = await self._begun(client, message, target)
            if begun is None:
                await self._hint(asked)
            else:
                await self._go_on(client, message, asked, begun)
        except Exception as error:  # noqa: BLE001 - whatever it is, the person is told
            await self._refuse(asked, error)

    async def _take_reply(self, client: Any, message: discord.Message, target: discord.Message) -> None:
        """Take a reply to a clip that does not name the bot, as the server wants it."""
        asked = _asked(message)
        manners = await self._manners.of(asked.guild_id)
        asked = self._spoken(asked, manners)
        if manners.replies is ReplyStyle.IGNORE:
            return
        is_question = manners.replies is ReplyStyle.ASK
        clip_of = clip_in(target, client.user.id)
        if is_question and (self._choices.is_left(asked.user_id, clip_of) or not self._may_speak_to(asked)):
            return
        try:
            begun = await self._choices.begun_from(target, client.user.id)
            assert begun is not None  # it shows a clip
            await self._go_on(client, message, asked, begun, is_question=is_question)
        except Exception as error:
            if is_question:  # it may have been meant for people alone, who need not hear of it
                raise
            await self._refuse(asked, error)

    async def _is_slow_enough(self, message: discord.Message) -> bool:
        """Whether a member has not done too much; if they have, they are told, though not each time."""
        try:
            self._pace.ensure_not_too_fast(message.author.id)
        except TooFast as error:
            if self._slowed_down.is_new(message.author.id, self._clock.now_ms(), for_ms=_QUIET_MS):
                asked = _asked(message)
                await self._refuse(self._spoken(asked, await self._manners.of(asked.guild_id)), error)
            return False
        return True

    async def _refuse(self, asked: Asked, error: Exception) -> None:
        """Say why there will be no clip, where everybody reads it."""
        if isinstance(error, Blocked):
            error = error.in_public()
        if not await ToMessage(self._publisher, asked).refuse(error):
            log.info("message not answered", message=asked.request_key, reason=str(error))

    @staticmethod
    def _spoken(asked: Asked, manners: Choice) -> Asked:
        """The request in the language that the server chose, which is spoken from here on."""
        language = manners.language or asked.language
        speak(language)
        return asked.model_copy(update={"language": language})

    async def _go_on(
        self,
        client: Any,
        message: discord.Message,
        asked: Asked,
        begun: Begun,
        *,
        is_question: bool = False,
    ) -> None:
        """Take the request, or ask what has to be known before.

        Raises:
            Refused, PictureRefused, ValidationError: nothing was charged.
        """
        _ensure_may_use_commands(message)
        text = with_names(without_mention(message.content, client.user.id), message)
        options = begun.options.model_copy(update={"shots": ()}) if text else begun.options
        begun = begun.model_copy(update={"text": text, "options": options})
        known = {
            "options": self._composer.chosen(begun),
            "image_url": begun.image_url or (begun.choices[0].url if begun.choices else None),
            "from_job_id": begun.from_job_id,
            "relation": begun.relation,
        }
        await checks.ensure_place(client, _own_permissions(message), message.channel, asked.guild_id)
        asked = asked.model_copy(update=known)
        if is_question or begun.choices:
            await self._ask(asked, begun.model_copy(update={"asked": asked}), is_question=is_question)
            return
        with self._one_more(asked.guild_id, asked.user_id):
            await self._intake.take(asked, ToMessage(self._publisher, asked))

    async def _ask(self, asked: Asked, begun: Begun, *, is_question: bool) -> None:
        """Put the question in the reply that will be the card."""
        await self._generation.check(asked, is_doubtful=is_question)
        number = await self._generation.keep(asked.guild_id, asked.user_id, begun)
        view = question_view(number, begun) if is_question else picture_view(number, begun)
        await self._publisher.reply(asked, view)

    async def _begun(
        self, client: Any, message: discord.Message, target: discord.Message | None
    ) -> Begun | None:
        """What a message starts from: its own pictures come first; None where there is nothing."""
        begun = begun_with(pictures_in(message))
        if begun is None and target is not None:
            begun = await self._choices.begun_from(target, client.user.id)
        return begun

    async def _hint(self, asked: Asked) -> None:
        """Say how it is done; seldom, and only where somebody may have tried."""
        if self._may_speak_to(asked):
            text = tr(
                "I see no picture here. Attach one to a message that mentions me, or open the menu of any "
                "message with a picture and choose **Apps → Animate**. Nothing was charged."
            )
            await self._publisher.reply(asked, shown(Answer(text)))

    def _may_speak_to(self, asked: Asked) -> bool:
        who = (asked.channel_id, asked.user_id)
        return self._spoken_to.is_new(who, self._clock.now_ms(), for_ms=_QUIET_MS)

    @contextmanager
    def _one_more(self, guild_id: int, user_id: int) -> Generator[None]:
        whose = (guild_id, user_id)
        if self._under_way[whose] >= _AT_ONCE:
            raise TooManyAtOnce
        self._under_way[whose] += 1
        try:
            yield
        finally:
            self._under_way[whose] -= 1
            if not self._under_way[whose]:
                del self._under_way[whose]

    async def _replied_to(self, client: Any, message: discord.Message) -> discord.Message | None:
        """The message that this one is a reply to, as far as it can be read; asked for once where it did not come along."""
        reference = message.reference
        if reference is None or reference.message_id is None or message.type is not discord.MessageType.reply:
            return None
        found = reference.resolved
        if isinstance(found, discord.DeletedReferencedMessage):
            return None
        if not client.intents.message_content or (found is not None and not _is_empty(found)):
            return found
        try:
            async with translated():
                return await message.channel.fetch_message(reference.message_id)
        except DeliveryFault as fault:
            log.info("message not read", message=reference.message_id, reason=str(fault))
            return None


def _is_for(message: discord.Message, us_id: int) -> bool:
    """Whether a person mentions the bot in a server, or replies to it with a ping."""
    is_persons = not message.author.bot and message.webhook_id is None and message.type in _ASKING
    return is_persons and message.guild is not None and any(user.id == us_id for user in message.mentions)


def _is_empty(message: discord.Message) -> bool:
    """Whether nothing came along that could be read."""
    said = (
        message.content,
        message.attachments,
        message.embeds,
        message.components,
        message.message_snapshots,
    )
    return not any(said)


def _is_named(message: discord.Message, us_id: int) -> bool:
    return re.search(rf"<@!?{us_id}>", message.content) is not None


def _own_permissions(message: discord.Message) -> discord.Permissions:
    me = cast("discord.Member | None", message.guild.me) if message.guild else None
    return message.channel.permissions_for(me) if me else discord.Permissions.none()


def _may_reply(message: discord.Message) -> bool:
    """A refusal can only be said where messages can be sent; Discord counts the attempts."""
    granted = _own_permissions(message)
    is_thread = isinstance(message.channel, discord.Thread)
    may_send = granted.send_messages_in_threads if is_thread else granted.send_messages
    return granted.view_channel and granted.read_message_history and may_send


def _ensure_may_use_commands(message: discord.Message) -> None:
    """A mention is another way to use a command, and not a way around who may."""
    author: Any = message.author
    if isinstance(author, discord.Member):
        granted = message.channel.permissions_for(author)
        if not granted.use_application_commands:
            raise MayNotUseCommands


def _asked(message: discord.Message) -> Asked:
    """A request as a message brings it, without pictures."""
    assert message.guild is not None
    channel, author = message.channel, message.author
    manages = isinstance(author, discord.Member) and channel.permissions_for(author).manage_guild
    return Asked(
        request_key=str(message.id),
        is_message=True,
        guild_id=message.guild.id,
        channel_id=channel.id,
        parent_id=channel.parent_id if isinstance(channel, discord.Thread) else None,
        user_id=author.id,
        upload_limit=_ANY_LIMIT,
        options=Options(),
        image_url=None,
        end_frame_url=None,
        roles=tuple(sorted(checks.roles_of(author))),
        manages=manages,
        is_age_restricted=checks.is_age_restricted(channel),
        is_private=checks.is_private(channel),
        language=language_of(str(message.guild.preferred_locale)),
    )
