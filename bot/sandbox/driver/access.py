"""Which commands a person's client offers."""

from collections.abc import Iterator

from bot.sandbox.model.applications import Application, Command
from bot.sandbox.model.channels import Channel
from bot.sandbox.permissions import Permission
from bot.sandbox.refusals import ClientRefused
from bot.sandbox.world import World

_GUILD, _BOT_DM = 0, 1


def find(world: World, user_id: int, channel: Channel, kind: int, name: str) -> tuple[Application, Command]:
    """The command that this person gets under this name in this channel.

    Raises:
        ClientRefused: there is none, or this person may not use it here.
    """
    for app in _here(world, channel):
        command = app.find(kind, name, channel.guild_id)
        if command:
            _check(world, user_id, channel, command)
            return app, command
    raise ClientRefused(f"No bot here has a command {name}.")


def offered(world: World, user_id: int, channel: Channel) -> Iterator[tuple[Application, Command]]:
    """Every command that this person may use in this channel, one for each kind and name."""
    scopes = {channel.guild_id, None}
    names = {key for app in _here(world, channel) for scope in scopes for key in app.commands.get(scope, ())}
    for kind, name in sorted(names):
        try:
            yield find(world, user_id, channel, kind, name)
        except ClientRefused:
            continue


def _here(world: World, channel: Channel) -> Iterator[Application]:
    guild = world.guild_of(channel)
    here = guild.members if guild else {user.id for user in channel.recipients}
    return (app for app in world.apps.values() if app.user.id in here)


def _check(world: World, user_id: int, channel: Channel, command: Command) -> None:
    guild, body = world.guild_of(channel), command.body
    contexts = body.get("contexts")
    context = _GUILD if guild else _BOT_DM
    if contexts is not None and context not in contexts:
        raise ClientRefused(f"{command.name} is not offered in {'servers' if guild else 'direct messages'}.")
    if body.get("nsfw") and not channel.is_nsfw:
        raise ClientRefused(f"{command.name} is only offered in age-restricted channels.")
    if guild is None:
        return
    if not guild.sees(user_id, channel):
        raise ClientRefused(f"{channel} is not visible to this person.")
    total = guild.permissions_of(user_id, channel)
    if not total & Permission.USE_APPLICATION_COMMANDS:
        raise ClientRefused(f"This person may not use commands in {channel}.")
    wanted = body.get("default_member_permissions")
    said = guild.shows_command(user_id, command.id)
    if said or total & Permission.ADMINISTRATOR or (wanted is None and said is None):
        return
    needed = Permission(int(wanted or 0))
    if said is False or not needed or total & needed != needed:
        raise ClientRefused(f"{command.name} is hidden from this person; it needs {needed!r}.")
