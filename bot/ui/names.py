"""Names in the place of ids: what was written in a message, as somebody outside of Discord can read it."""

import re

import discord

from bot.domain.flags import escaped

_ID = re.compile(
    r"<(?:@!?(?P<user>\d{15,20})|@&(?P<role>\d{15,20})|#(?P<channel>\d{15,20})|a?:(?P<emoji>\w{2,32}):\d{15,20})>"
)


def with_names(text: str, message: discord.Message) -> str:
    """Words out of a message, with whom, what and where they mention by name; nothing where its writer sees no name.

    No name is taken for a flag: its owner has not written the message.
    """
    return _ID.sub(lambda found: escaped(" ".join(_name(found, message).split())), text).strip()


def _name(found: re.Match[str], message: discord.Message) -> str:
    if found["emoji"]:
        return found["emoji"]
    kind = found.lastgroup or ""
    one_id = int(found[kind])
    if kind == "user":
        user = discord.utils.get(message.mentions, id=one_id)
        return user.display_name if user else ""
    if kind == "role":
        role = message.guild and message.guild.get_role(one_id)
        return role.name if role else ""
    return _channel_name(one_id, message)


def _channel_name(channel_id: int, message: discord.Message) -> str:
    """Of a channel or thread that the writer sees; the bot may see more."""
    author = message.author
    channel = message.guild and message.guild.get_channel_or_thread(channel_id)
    if not channel or not isinstance(author, discord.Member):
        return ""
    is_hidden = isinstance(channel, discord.Thread) and (channel.parent is None or channel.is_private())
    return "" if is_hidden or not channel.permissions_for(author).view_channel else channel.name
