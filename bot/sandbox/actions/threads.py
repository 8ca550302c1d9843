"""Threads and forum posts: opened, changed, joined."""

from dataclasses import dataclass

from bot.sandbox.actions import posting
from bot.sandbox.actions.drafts import Draft
from bot.sandbox.model.channels import HOLDS_POSTS, Channel, Kind, ThreadState
from bot.sandbox.model.guilds import Guild
from bot.sandbox.model.hub import GUILDS, Event
from bot.sandbox.model.messages import THREAD_CREATED, THREAD_STARTER, Message, Reference
from bot.sandbox.model.people import User
from bot.sandbox.permissions import Permission
from bot.sandbox.refusals import Refusal
from bot.sandbox.wire import Json
from bot.sandbox.world import World

_DAY_MIN = 1440
_TYPES = {Kind.TEXT: {Kind.PUBLIC_THREAD, Kind.PRIVATE_THREAD}, Kind.ANNOUNCEMENT: {Kind.ANNOUNCEMENT_THREAD}}


@dataclass(frozen=True, slots=True)
class Plan:
    """A thread to be."""

    name: str
    kind: Kind | None = None
    auto_archive_min: int = _DAY_MIN
    slowmode_s: int = 0
    is_invitable: bool = True
    tags: tuple[int, ...] = ()

    @classmethod
    def of(cls, body: Json) -> "Plan":
        """Read a thread out of a request body."""
        kind = body.get("type")
        return cls(
            body["name"],
            None if kind is None else Kind(kind),
            body.get("auto_archive_duration") or _DAY_MIN,
            body.get("rate_limit_per_user") or 0,
            bool(body.get("invitable", True)),
            tuple(int(tag) for tag in body.get("applied_tags") or ()),
        )


def open_on(world: World, channel: Channel, message: Message, author: User, plan: Plan) -> Channel:
    """Open a thread on a message; it gets the message's id.

    Raises:
        Refusal: it has one, or there can be none here, or the author may not.
    """
    guild = _guild(world, channel)
    if channel.kind not in _TYPES:
        raise Refusal(50024)
    world.demand(author, channel, Permission.CREATE_PUBLIC_THREADS | Permission.READ_MESSAGE_HISTORY)
    if message.thread or message.id in guild.all_threads:
        raise Refusal(160004)
    kind = Kind.ANNOUNCEMENT_THREAD if channel.kind is Kind.ANNOUNCEMENT else Kind.PUBLIC_THREAD
    thread = _open(world, guild, channel, author, plan, kind=kind, identifier=message.id)
    _note(world, thread, author, kind=THREAD_STARTER, about=message)
    posting.mark_thread(world, channel, message, thread)
    return thread


def open_alone(world: World, channel: Channel, author: User, plan: Plan) -> Channel:
    """Open a thread without a message; private unless the plan says otherwise.

    Raises:
        Refusal: there can be none of that kind here, or the author may not.
    """
    guild = _guild(world, channel)
    kind = plan.kind or Kind.PRIVATE_THREAD
    if kind not in _TYPES.get(channel.kind, ()):
        raise Refusal(50024)
    is_private = kind is Kind.PRIVATE_THREAD
    needed = Permission.CREATE_PRIVATE_THREADS if is_private else Permission.CREATE_PUBLIC_THREADS
    world.demand(author, channel, needed)
    thread = _open(world, guild, channel, author, plan, kind=kind, identifier=world.hub.new_id())
    if not is_private:
        _note(world, channel, author, kind=THREAD_CREATED, text=plan.name)
    return thread


def open_post(
    world: World, forum: Channel, author: User, plan: Plan, draft: Draft
) -> tuple[Channel, Message]:
    """Open a forum post with its first message.

    Raises:
        Refusal: this is no forum, a tag is missing, or the author may not.
    """
    guild = _guild(world, forum)
    if forum.kind not in HOLDS_POSTS:
        raise Refusal(50024)
    needed = Permission.SEND_MESSAGES | (Permission.ATTACH_FILES if draft.files else Permission.NONE)
    world.demand(author, forum, needed)
    if forum.needs_tag and not plan.tags:
        raise Refusal(40067)
    thread = _open(world, guild, forum, author, plan, kind=Kind.PUBLIC_THREAD, identifier=world.hub.new_id())
    message = posting.compose(world, thread, author, draft)
    message.id = thread.id
    posting.deliver(world, thread, message)
    return thread, message


def _guild(world: World, channel: Channel) -> Guild:
    guild = world.guild_of(channel)
    if guild is None:
        raise Refusal(50024)
    return guild


def _open(
    world: World, guild: Guild, parent: Channel, author: User, plan: Plan, *, kind: Kind, identifier: int
) -> Channel:
    if not guild.has_room_for_thread():
        raise Refusal(160006)
    now = world.hub.clock()
    state = ThreadState(author.id, parent, plan.auto_archive_min, now, active_at_s=now)
    state.is_invitable, state.applied_tags = plan.is_invitable, list(plan.tags)
    state.joined_at_s[author.id] = now
    thread = Channel(identifier, plan.name, kind, guild.id, now, parent_id=parent.id, thread=state)
    thread.is_nsfw, thread.slowmode_s = parent.is_nsfw, plan.slowmode_s
    guild.adopt(thread)
    parent.bell.ring()
    return thread


def _note(
    world: World, channel: Channel, author: User, *, kind: int, about: Message | None = None, text: str = ""
) -> None:
    """Write what Discord itself writes when a thread is opened."""
    note = Message(world.hub.new_id(), channel.id, channel.guild_id, author, world.hub.clock(), kind, text)
    if about:
        note.reference, note.referenced = Reference(about.id, about.channel_id, about.guild_id), about
    posting.deliver(world, channel, note)


def change(world: World, thread: Channel, author: User, body: Json) -> None:
    """Rename, archive, lock, open a thread.

    Raises:
        Refusal: the author may not, or the thread is archived and is not being opened.
    """
    state, guild = thread.thread, _guild(world, thread)
    assert state is not None
    world.demand(author, thread)
    is_moderator = guild.may(author.id, thread, Permission.MANAGE_THREADS)
    is_opening = body.get("archived") is False
    if not is_moderator:
        _may_change(guild, thread, state, author, body)
    if state.is_archived and not is_opening:
        raise Refusal(50083)
    if "name" in body:
        thread.name = body["name"]
    state.is_locked = bool(body.get("locked", state.is_locked))
    state.is_invitable = bool(body.get("invitable", state.is_invitable))
    state.auto_archive_min = body.get("auto_archive_duration") or state.auto_archive_min
    thread.slowmode_s = int(body.get("rate_limit_per_user", thread.slowmode_s) or 0)
    state.applied_tags = [int(tag) for tag in body.get("applied_tags", state.applied_tags) or ()]
    guild.set_archived(thread, is_archived=bool(body.get("archived", state.is_archived)))


def _may_change(guild: Guild, thread: Channel, state: ThreadState, author: User, body: Json) -> None:
    only_opens = set(body) == {"archived"} and body["archived"] is False
    if state.is_locked:
        raise Refusal(160005 if only_opens else 50013)
    if "locked" in body or "rate_limit_per_user" in body:
        raise Refusal(50013)
    may_open = guild.may(author.id, thread, Permission.SEND_MESSAGES_IN_THREADS)
    if state.owner_id != author.id and not (only_opens and may_open):
        raise Refusal(50013)


def join(world: World, thread: Channel, user: User) -> None:
    """Add somebody to a thread."""
    state, guild = thread.thread, _guild(world, thread)
    if state is None:
        raise Refusal(50024)
    if state.is_archived:
        raise Refusal(50083)
    if user.id not in guild.members:
        raise Refusal(10007)
    if user.id in state.joined_at_s:
        return
    state.joined_at_s[user.id] = world.hub.clock()
    if thread.kind is Kind.PRIVATE_THREAD:  # which the one who joins did not know of
        whole = thread.payload() | {"member": thread.member_payload(user.id)}
        world.hub.publish(Event("THREAD_CREATE", lambda _: whole, GUILDS, guild.id, user.id.__eq__))
    guild.tell_members(thread, added=user.id)


def leave(world: World, thread: Channel, user: User) -> None:
    """Take somebody out of a thread."""
    state, guild = thread.thread, _guild(world, thread)
    if state is None:
        raise Refusal(50024)
    if state.is_archived:
        raise Refusal(50083)
    if state.joined_at_s.pop(user.id, None) is None:
        raise Refusal(10007)
    guild.tell_members(thread, removed=user.id)


def kinds(channel: Channel) -> set[Kind]:
    """The kinds of thread that a channel may have."""
    return _TYPES.get(channel.kind, set())
