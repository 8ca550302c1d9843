"""Messages in channels, threads and DMs."""

from bot.sandbox.actions import posting
from bot.sandbox.actions.drafts import Draft
from bot.sandbox.model.channels import Channel
from bot.sandbox.model.hub import Event
from bot.sandbox.model.messages import SUPPRESS_EMBEDS, SYSTEM_TYPES, Message
from bot.sandbox.permissions import Permission
from bot.sandbox.refusals import Refusal
from bot.sandbox.rest.call import Call, Routes
from bot.sandbox.wire import Json

_MESSAGES = "/channels/{channel_id}/messages"
_MESSAGE = _MESSAGES + "/{message_id}"
_DEFAULT_PAGE, _MAX_PAGE = 50, 100
_TYPING = {False: (1 << 14), True: (1 << 11)}


def _create(call: Call) -> Json:
    channel = call.channel()
    made = posting.send(call.world, channel, call.bot.user, Draft.of(call.body, call.uploads))
    return made.payload(call.viewer)


def _may_read(call: Call, channel: Channel) -> bool:
    guild = call.world.guild_of(channel)
    return guild is None or guild.may(call.bot.user.id, channel, Permission.READ_MESSAGE_HISTORY)


def _list(call: Call) -> list[Json]:
    channel = call.channel()
    limit = call.number("limit")
    limit = _DEFAULT_PAGE if limit is None else limit
    if not 1 <= limit <= _MAX_PAGE:
        raise Refusal(50035, ["limit: must be from 1 to 100."])
    if not _may_read(call, channel):
        return []
    page = channel.history.page(
        before=call.number("before"), after=call.number("after"), around=call.number("around"), limit=limit
    )
    return [message.payload(call.viewer) for message in page]


def _get(call: Call) -> Json:
    channel = call.channel()
    if not _may_read(call, channel):
        raise Refusal(50013)
    return call.message(channel).payload(call.viewer)


def _edit(call: Call) -> Json:
    channel = call.channel()
    message = call.message(channel)
    draft = Draft.of(call.body, call.uploads)
    if message.author is not call.bot.user:
        _suppress(call, channel, message, draft)
    elif message.type in SYSTEM_TYPES:
        raise Refusal(50021)
    else:
        posting.edit(call.world, channel, message, draft)
    return message.payload(call.viewer)


def _suppress(call: Call, channel: Channel, message: Message, draft: Draft) -> None:
    """The one thing that may be done to the message of another: hide its embeds."""
    if draft.given != frozenset({"flags"}):
        raise Refusal(50005)
    call.world.demand(call.bot.user, channel, Permission.MANAGE_MESSAGES)
    message.flags = (message.flags & ~SUPPRESS_EMBEDS) | (draft.flags & SUPPRESS_EMBEDS)
    posting.changed(call.world, channel, message)


def _delete(call: Call) -> None:
    channel = call.channel()
    message = call.message(channel)
    if message.author is not call.bot.user:
        call.world.demand(call.bot.user, channel, Permission.MANAGE_MESSAGES)
    posting.delete(call.world, channel, message)


def _typing(call: Call) -> None:
    channel, bot = call.channel(), call.bot.user
    guild = call.world.guild_of(channel)
    posting.may_send(call.world, channel, bot, Draft())
    body: Json = {"channel_id": str(channel.id), "user_id": str(bot.id)}
    body["timestamp"] = int(call.world.hub.clock())
    if guild:
        body |= {"guild_id": str(guild.id), "member": guild.members[bot.id].payload()}
    ids = {user.id for user in channel.recipients}

    def is_for(user_id: int) -> bool:
        return guild.sees(user_id, channel) if guild else user_id in ids

    intent = _TYPING[guild is not None]
    call.world.hub.publish(Event("TYPING_START", lambda _: body, intent, channel.guild_id, is_for))


ROUTES: Routes = {
    ("POST", _MESSAGES): _create,
    ("GET", _MESSAGES): _list,
    ("GET", _MESSAGE): _get,
    ("PATCH", _MESSAGE): _edit,
    ("DELETE", _MESSAGE): _delete,
    ("POST", "/channels/{channel_id}/typing"): _typing,
}
