"""Messages: made, sent, edited and deleted, by bots and by people alike."""

from bot.sandbox.actions.drafts import Draft
from bot.sandbox.actions.mentions import mentions
from bot.sandbox.model import components
from bot.sandbox.model.attachments import Attachment, store
from bot.sandbox.model.channels import HOLDS_POSTS, Channel, Kind
from bot.sandbox.model.hub import DIRECT_MESSAGES, GUILD_MESSAGES, Event
from bot.sandbox.model.messages import (
    HAS_THREAD,
    LOADING,
    REPLY,
    SUPPRESS_EMBEDS,
    SYSTEM_TYPES,
    V2,
    Message,
    Reference,
    Version,
    Viewer,
)
from bot.sandbox.model.people import User
from bot.sandbox.permissions import Permission
from bot.sandbox.refusals import Refusal
from bot.sandbox.wire import Json
from bot.sandbox.world import World

_CHANGEABLE = SUPPRESS_EMBEDS | V2
_MAX_EDITS = 1000


def send(world: World, channel: Channel, author: User, draft: Draft) -> Message:
    """Post a message, as the Create Message route does it.

    Raises:
        Refusal: the author may not, or the channel takes no messages.
    """
    may_send(world, channel, author, draft)
    if first := _already_sent(world, author, draft):
        return first
    message = compose(world, channel, author, draft)
    _refer(world, message, author, draft)
    if draft.nonce is not None:
        message.nonce = draft.nonce
        world.remember_nonce(author, draft.nonce, channel.id, message.id)
    deliver(world, channel, message)
    return message


def may_send(world: World, channel: Channel, author: User, draft: Draft) -> None:
    """Refuse what the author may not post in the channel."""
    world.demand(author, channel)
    if channel.kind in HOLDS_POSTS:
        raise Refusal(40058)
    if channel.kind is Kind.CATEGORY:
        raise Refusal(50008)
    if channel.kind is Kind.DM:
        if not all(user.accepts_dms for user in channel.recipients if user is not author):
            raise Refusal(50007)
        return
    needed = Permission.SEND_MESSAGES_IN_THREADS if channel.is_thread else Permission.SEND_MESSAGES
    needed |= Permission.ATTACH_FILES if draft.files else Permission.NONE
    needed |= Permission.EMBED_LINKS if draft.embeds else Permission.NONE
    world.demand(author, channel, needed)
    thread, guild = channel.thread, world.guild_of(channel)
    if thread and thread.is_locked and guild and not guild.may(author.id, channel, Permission.MANAGE_THREADS):
        raise Refusal(160005)


def _already_sent(world: World, author: User, draft: Draft) -> Message | None:
    first = world.first_with_nonce(author, draft.nonce) if draft.enforce_nonce else None
    if first is None:
        return None
    channel = world.hub.channels.get(first[0])
    message = channel.history.get(first[1]) if channel else None
    if message is None:
        raise Refusal(10008)
    return message


def _refer(world: World, message: Message, author: User, draft: Draft) -> None:
    wanted = draft.reference
    if not wanted:
        return
    message_id = int(wanted["message_id"])
    channel = world.channel(int(wanted.get("channel_id") or message.channel_id))
    is_forward = wanted.get("type") == 1
    found = channel.history.get(message_id)
    if found is None and (is_forward or wanted.get("fail_if_not_exists", True)):
        raise Refusal(50035, ["message_reference: Unknown message."])
    world.demand(author, channel)
    if not is_forward:
        guild = world.guild_of(channel)
        if guild and not guild.may(author.id, channel, Permission.READ_MESSAGE_HISTORY):
            raise Refusal(160002)
        if found is None:
            return
    message.reference = Reference(message_id, channel.id, channel.guild_id, is_forward)
    if is_forward and found:
        message.snapshots = [found]
    elif found:
        message.type, message.referenced = REPLY, found
        text = _mentioning_text(message)
        home = world.channel(message.channel_id)
        message.mentions = mentions(world, home, author, text, allowed=draft.allowed, replied_to=found)


def compose(
    world: World, channel: Channel, author: User, draft: Draft, *, is_ephemeral: bool = False
) -> Message:
    """Make a message with its files on the CDN, but do not send it."""
    identifier = world.hub.new_id()
    guild = world.guild_of(channel)
    message = Message(
        identifier,
        channel.id,
        channel.guild_id,
        author,
        world.hub.clock(),
        content=draft.content,
        embeds=draft.embeds,
        flags=draft.flags,
        member=guild.members.get(author.id) if guild else None,
    )
    message.files = _stored(world, channel, draft, is_ephemeral=is_ephemeral)
    message.components = components.keep(draft.components, message.files)
    message.mentions = mentions(world, channel, author, _mentioning_text(message), allowed=draft.allowed)
    return message


def _stored(world: World, channel: Channel, draft: Draft, *, is_ephemeral: bool) -> list[Attachment]:
    hub = world.hub
    return [store(hub.cdn, hub.new_id(), channel.id, file, is_ephemeral=is_ephemeral) for file in draft.files]


def _mentioning_text(message: Message) -> str:
    return "\n".join((message.content, *components.texts(message.components)))


def deliver(world: World, channel: Channel, message: Message) -> None:
    """Put a message into its channel and tell everybody; an archived thread opens again."""
    thread, guild = channel.thread, world.guild_of(channel)
    if thread and guild:
        if message.type not in SYSTEM_TYPES:
            thread.message_count += 1
        message.position = thread.message_count
        guild.wake(channel)
    channel.history.add(message)
    publish(world, channel, "MESSAGE_CREATE", message)
    world.hub.changed(message, is_new=True)
    channel.bell.ring()
    message.bell.ring()


def publish(world: World, channel: Channel, name: str, message: Message) -> None:
    """Tell the bots that see the channel, each what it may read."""
    guild = world.guild_of(channel)

    def payload(viewer: Viewer) -> Json:
        body = message.payload(viewer)
        if guild:
            body["guild_id"] = str(guild.id)
        if message.member:
            body["member"] = message.member.payload(with_user=False)
        return body

    if guild:
        guild.publish_of(channel, name, payload, intent=GUILD_MESSAGES)
    else:
        ids = {user.id for user in channel.recipients}
        world.hub.publish(Event(name, payload, DIRECT_MESSAGES, None, ids.__contains__))


def edit(world: World, channel: Channel, message: Message, draft: Draft) -> None:
    """Change what `draft.given` names; nobody is pinged.

    Raises:
        Refusal: the thread is archived, or the change would make a message that cannot be.
    """
    if channel.thread and channel.thread.is_archived:
        raise Refusal(50083)
    flags = _edited_flags(message, draft)
    content = draft.content if "content" in draft.given else message.content
    embeds = draft.embeds if "embeds" in draft.given else message.embeds
    if flags & V2 and (content or embeds):
        raise Refusal(50035, ["flags: V2 components cannot stand beside content or embeds; clear them."])
    before = Version(world.hub.clock(), message.text)
    is_limited = "attachments" in draft.given
    old = [file for file in message.files if not is_limited or file.id in draft.kept]
    files = old + _stored(world, channel, draft, is_ephemeral=message.ephemeral_to is not None)
    kept = components.keep(draft.components, files) if "components" in draft.given else message.components
    if missing := sorted(set(components.lacking(kept))):
        raise Refusal(50035, [f"components: the message has no {', '.join(missing)}."])
    if not (content or embeds or files or kept or message.snapshots):
        raise Refusal(50006)
    for gone in set(message.files) - set(files):
        world.hub.cdn.remove(gone.path)
    message.content, message.embeds, message.flags = content, embeds, flags
    message.files, message.components = files, kept
    _mention_again(world, channel, message, draft)
    message.edits.append(before)
    del message.edits[:-_MAX_EDITS]
    message.edited_at_s = world.hub.clock()
    changed(world, channel, message)


def _edited_flags(message: Message, draft: Draft) -> int:
    if "flags" not in draft.given:
        return message.flags & ~LOADING
    kept = message.flags & ~SUPPRESS_EMBEDS & ~LOADING
    return kept | (draft.flags & _CHANGEABLE)


def _mention_again(world: World, channel: Channel, message: Message, draft: Draft) -> None:
    pinged = message.mentions.pinged
    text = _mentioning_text(message)
    again = mentions(
        world, channel, message.author, text, allowed=draft.allowed, replied_to=message.referenced
    )
    message.mentions = type(again)(again.users, again.role_ids, again.everyone, pinged, again.readers)


def changed(world: World, channel: Channel, message: Message) -> None:
    """Tell everybody that a message is different now."""
    if message.ephemeral_to is None:
        publish(world, channel, "MESSAGE_UPDATE", message)
    world.hub.changed(message)
    channel.bell.ring()
    message.bell.ring()


def delete(world: World, channel: Channel, message: Message) -> None:
    """Take a message away with its files."""
    message.is_deleted = True
    for file in message.files:
        world.hub.cdn.remove(file.path)
    message.bell.ring()
    world.hub.changed(message)
    if message.ephemeral_to:
        channel.whispers.discard(message.id)
        return
    channel.history.remove(message.id)
    channel.bell.ring()
    guild = world.guild_of(channel)
    body: Json = {"id": str(message.id), "channel_id": str(channel.id)}
    if guild:
        guild.tell_of(
            channel, "MESSAGE_DELETE", lambda: body | {"guild_id": str(guild.id)}, intent=GUILD_MESSAGES
        )
        return
    ids = {user.id for user in channel.recipients}
    world.hub.publish(Event("MESSAGE_DELETE", lambda _: body, DIRECT_MESSAGES, None, ids.__contains__))


def dismiss(world: World, channel: Channel, message: Message) -> None:
    """Put an ephemeral message out of its person's sight; the bot may still change it."""
    channel.whispers.discard(message.id)
    world.hub.changed(message)


def mark_thread(world: World, channel: Channel, message: Message, thread: Channel) -> None:
    """Show on a message that a thread hangs on it."""
    message.flags |= HAS_THREAD
    message.thread = thread.payload
    changed(world, channel, message)
