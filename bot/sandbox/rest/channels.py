"""Channels and threads."""

from bot.sandbox.actions import threads
from bot.sandbox.actions.drafts import Draft
from bot.sandbox.actions.threads import Plan
from bot.sandbox.model.channels import Channel
from bot.sandbox.model.people import User
from bot.sandbox.permissions import Permission
from bot.sandbox.refusals import Refusal
from bot.sandbox.rest.call import Call, Routes
from bot.sandbox.wire import Json, as_object

_CHANNEL = "/channels/{channel_id}"
_MEMBERS = _CHANNEL + "/thread-members"


def _get(call: Call) -> Json:
    channel, bot = call.channel(), call.bot.user
    if channel.thread and bot.id in channel.thread.joined_at_s:
        return _thread_payload(call, channel)
    return channel.payload()


def _change(call: Call) -> Json:
    channel = call.channel()
    if channel.is_thread:
        threads.change(call.world, channel, call.bot.user, call.body)
        return channel.payload()
    guild = call.world.guild_of(channel)
    if guild is None:
        raise Refusal(50024)
    call.world.demand(call.bot.user, channel, Permission.MANAGE_CHANNELS)
    channel.name = call.body.get("name") or channel.name
    channel.is_nsfw = bool(call.body.get("nsfw", channel.is_nsfw))
    channel.slowmode_s = int(call.body.get("rate_limit_per_user", channel.slowmode_s) or 0)
    guild.tell_of(channel, "CHANNEL_UPDATE", channel.payload)
    call.world.hub.changed(channel)
    return channel.payload()


def _delete(call: Call) -> Json:
    channel = call.channel()
    guild = call.world.guild_of(channel)
    if guild is None:
        return channel.payload()
    needed = Permission.MANAGE_THREADS if channel.is_thread else Permission.MANAGE_CHANNELS
    call.world.demand(call.bot.user, channel, needed)
    guild.remove_channel(channel)
    return channel.payload()


def _thread_payload(call: Call, thread: Channel) -> Json:
    return thread.payload() | {"member": thread.member_payload(call.bot.user.id)}


def _open_on(call: Call) -> Json:
    channel = call.channel()
    message = call.message(channel)
    thread = threads.open_on(call.world, channel, message, call.bot.user, Plan.of(call.body))
    return _thread_payload(call, thread)


def _open(call: Call) -> Json:
    channel, plan = call.channel(), Plan.of(call.body)
    if "message" not in call.body:
        return _thread_payload(call, threads.open_alone(call.world, channel, call.bot.user, plan))
    draft = Draft.of(as_object(call.body["message"]), call.uploads)
    thread, message = threads.open_post(call.world, channel, call.bot.user, plan, draft)
    return _thread_payload(call, thread) | {"message": message.payload(call.viewer)}


def _user(call: Call) -> User:
    if call.params.get("user_id", "@me") == "@me":
        return call.bot.user
    found = call.world.users.get(call.id("user_id"))
    if found is None:
        raise Refusal(10013)
    return found


def _join(call: Call) -> None:
    thread, user = call.channel(), _user(call)
    if user is not call.bot.user:
        call.world.demand(call.bot.user, thread, Permission.SEND_MESSAGES_IN_THREADS)
    threads.join(call.world, thread, user)


def _leave(call: Call) -> None:
    thread, user = call.channel(), _user(call)
    if user is not call.bot.user:
        call.world.demand(call.bot.user, thread, Permission.MANAGE_THREADS)
    threads.leave(call.world, thread, user)


def _members(call: Call) -> list[Json]:
    thread = call.channel()
    if thread.thread is None:
        raise Refusal(50024)
    return [thread.member_payload(user_id) for user_id in thread.thread.joined_at_s]


def _member(call: Call) -> Json:
    thread, user = call.channel(), _user(call)
    if thread.thread is None or user.id not in thread.thread.joined_at_s:
        raise Refusal(10007)
    return thread.member_payload(user.id)


ROUTES: Routes = {
    ("GET", _CHANNEL): _get,
    ("PATCH", _CHANNEL): _change,
    ("DELETE", _CHANNEL): _delete,
    ("POST", _CHANNEL + "/messages/{message_id}/threads"): _open_on,
    ("POST", _CHANNEL + "/threads"): _open,
    ("GET", _MEMBERS): _members,
    ("PUT", _MEMBERS + "/@me"): _join,
    ("DELETE", _MEMBERS + "/@me"): _leave,
    ("GET", _MEMBERS + "/{user_id}"): _member,
    ("PUT", _MEMBERS + "/{user_id}"): _join,
    ("DELETE", _MEMBERS + "/{user_id}"): _leave,
}
