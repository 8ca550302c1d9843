"""Guilds, their channels, roles and members, as far as a bot may read them."""

from bot.sandbox.refusals import Refusal
from bot.sandbox.rest.call import Call, Routes
from bot.sandbox.wire import Json

_GUILD = "/guilds/{guild_id}"
_MAX_PAGE = 1000


def _get(call: Call) -> Json:
    guild = call.guild()
    return guild.brief() | {"approximate_member_count": len(guild.members)}


def _channels(call: Call) -> list[Json]:
    return [channel.payload() for channel in call.guild().channels.values()]


def _active_threads(call: Call) -> Json:
    guild, bot = call.guild(), call.bot.user
    for thread in list(guild.active.values()):
        guild.settle(thread)
    seen = [thread for thread in guild.active.values() if guild.sees(bot.id, thread)]
    joined = [thread for thread in seen if thread.thread and bot.id in thread.thread.joined_at_s]
    members = [thread.member_payload(bot.id) for thread in joined]
    return {"threads": [thread.payload() for thread in seen], "members": members}


def _roles(call: Call) -> list[Json]:
    return [role.payload() for role in call.guild().roles.values()]


def _member(call: Call) -> Json:
    found = call.guild().members.get(call.id("user_id"))
    if found is None:
        raise Refusal(10007)
    return found.payload()


def _members(call: Call) -> list[Json]:
    guild = call.guild()
    if not call.bot.members:
        raise Refusal(50001)
    start, limit = call.number("after") or 0, min(call.number("limit") or 1, _MAX_PAGE)
    ids = sorted(user_id for user_id in guild.members if user_id > start)
    return [guild.members[user_id].payload() for user_id in ids[:limit]]


ROUTES: Routes = {
    ("GET", _GUILD): _get,
    ("GET", _GUILD + "/channels"): _channels,
    ("GET", _GUILD + "/threads/active"): _active_threads,
    ("GET", _GUILD + "/roles"): _roles,
    ("GET", _GUILD + "/members"): _members,
    ("GET", _GUILD + "/members/{user_id}"): _member,
}
