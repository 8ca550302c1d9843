from collections.abc import AsyncGenerator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import discord
import pytest
from discord.utils import SnowflakeList

from bot.clock import SystemClock
from bot.db import guilds
from bot.db.sqlite import SqliteDatabase
from bot.domain.errors import PermissionsMissing
from bot.domain.jobs import Asker
from bot.services.guilds import GuildSettings
from bot.ui.checks import (
    ModeratorsOnly,
    NotInThisThread,
    asker,
    ensure_deliverable,
    ensure_moderator,
    is_moderator,
    may_see,
)
from tests import builders
from tests.ui.conftest import interaction_in, make_job

GUILD, ADA, MODS = 1, 77, 5
CHANNEL = discord.Object(1)
NO_THREADS: dict[int, discord.Thread] = {}
SERVER: Any = SimpleNamespace(get_thread=NO_THREADS.get)


def thread(kind: discord.ChannelType = discord.ChannelType.public_thread) -> discord.Thread:
    made: Any = object.__new__(discord.Thread)
    made.id, made.guild, made._type, made.me = 2, SERVER, kind, None
    return made


READ = ("view_channel", "read_message_history", "attach_files", "embed_links")


def granted(*names: str) -> discord.Permissions:
    return discord.Permissions(**dict.fromkeys(names, True))


@pytest.mark.parametrize("way", [("send_messages",), ("create_public_threads", "send_messages_in_threads")])
def test_a_channel_needs_one_way_to_post_in_it(way: tuple[str, ...]) -> None:
    ensure_deliverable(granted(*READ, *way), CHANNEL)


@pytest.mark.parametrize(
    ("lacking", "name"),
    [
        ("view_channel", "View Channel"),
        ("read_message_history", "Read Message History"),
        ("attach_files", "Attach Files"),
        ("embed_links", "Embed Links"),
        ("send_messages", "Send Messages"),
    ],
)
def test_a_permission_that_lacks_is_called_as_discord_calls_it(lacking: str, name: str) -> None:
    with pytest.raises(PermissionsMissing) as refusal:
        ensure_deliverable(granted(*{*READ, "send_messages"} - {lacking}), CHANNEL)
    assert refusal.value.missing == (name,)


@pytest.mark.parametrize("half", ["create_public_threads", "send_messages_in_threads"])
def test_half_a_way_into_threads_is_none(half: str) -> None:
    with pytest.raises(PermissionsMissing):
        ensure_deliverable(granted(*READ, half), CHANNEL)


@pytest.mark.parametrize("kind", [discord.VoiceChannel, discord.StageChannel])
def test_where_there_are_no_threads_the_right_to_open_one_is_no_way(kind: type[object]) -> None:
    chat: object = object.__new__(kind)
    ensure_deliverable(granted(*READ, "send_messages"), chat)
    with pytest.raises(PermissionsMissing) as refusal:
        ensure_deliverable(granted(*READ, "create_public_threads", "send_messages_in_threads"), chat)
    assert refusal.value.missing == ("Send Messages",)


def test_in_a_thread_the_right_to_write_in_threads_counts() -> None:
    ensure_deliverable(granted(*READ, "send_messages_in_threads"), thread())
    with pytest.raises(PermissionsMissing) as refusal:
        ensure_deliverable(granted(*READ, "send_messages"), thread())
    assert refusal.value.missing == ("Send Messages in Threads",)


def test_a_private_thread_takes_clips_from_its_members_and_from_who_manages_threads() -> None:
    rights = (*READ, "send_messages_in_threads")
    private = thread(discord.ChannelType.private_thread)
    with pytest.raises(NotInThisThread):
        ensure_deliverable(granted(*rights), private)
    ensure_deliverable(granted(*rights, "manage_threads"), private)
    private.me = cast("Any", object())
    ensure_deliverable(granted(*rights), private)


def test_a_private_thread_that_discord_told_of_is_one_that_the_bot_is_in() -> None:
    opened_again = thread(discord.ChannelType.private_thread)
    opened_again.guild = cast("Any", SimpleNamespace(get_thread={2: opened_again}.get))
    ensure_deliverable(granted(*READ, "send_messages_in_threads"), opened_again)


def test_everything_that_lacks_is_named_at_once() -> None:
    with pytest.raises(PermissionsMissing) as refusal:
        ensure_deliverable(granted(), CHANNEL)
    assert len(refusal.value.missing) == 5


# ---- Moderators


@pytest.fixture
async def settings(tmp_path: Path) -> AsyncGenerator[GuildSettings]:
    db = await SqliteDatabase.open(tmp_path / "kinora.db")
    await db.write(guilds.prefer(GUILD, {"moderator_role_id": MODS}, defaults=builders.NO_CAPS))
    yield GuildSettings(db=db, clock=SystemClock(), defaults=builders.NO_CAPS, changed=lambda: None)
    await db.close()


def asked_by(
    settings: GuildSettings, *roles: int, manager: bool = False, guild_id: int | None = GUILD
) -> Any:
    """An interaction of a member with these roles, in a server of which the gateway has not told anything."""
    interaction = interaction_in(CHANNEL, manager=manager)
    interaction.client = SimpleNamespace(services=SimpleNamespace(guilds=settings))
    interaction.guild_id, interaction.guild = guild_id, None
    member = interaction.user = object.__new__(discord.Member)
    member._user = cast("Any", discord.Object(ADA))
    member._roles = SnowflakeList(roles)
    return interaction


@pytest.mark.parametrize(
    ("roles", "manager", "may"),
    [
        ((), False, False),
        ((), True, True),
        ((MODS,), False, True),
        ((7, 8), False, False),
        ((7, MODS), False, True),
    ],
)
async def test_a_moderator_manages_the_server_or_has_its_role(
    settings: GuildSettings, roles: tuple[int, ...], *, manager: bool, may: bool
) -> None:
    interaction = asked_by(settings, *roles, manager=manager)
    assert await is_moderator(interaction) is may
    if may:
        await ensure_moderator(interaction)
        return
    with pytest.raises(ModeratorsOnly, match="Only moderators of this server"):
        await ensure_moderator(interaction)


async def test_a_role_moderates_the_server_that_chose_it_and_no_other(settings: GuildSettings) -> None:
    assert not await is_moderator(asked_by(settings, MODS, guild_id=2))
    assert not await is_moderator(asked_by(settings, MODS, guild_id=None))


def test_who_asks_has_the_roles_of_the_interaction_even_before_the_gateway_told_of_them() -> None:
    interaction = asked_by(cast("Any", None), 7, MODS, manager=True)
    assert asker(interaction) == Asker(frozenset({7, MODS}), manages=True)


def test_a_user_without_a_server_has_no_roles() -> None:
    interaction = interaction_in(CHANNEL)
    interaction.user = discord.Object(ADA)
    assert asker(interaction) == Asker()


@pytest.mark.parametrize(
    ("user_id", "roles", "may"),
    [(ADA, (), True), (78, (MODS,), True), (78, (), False)],
    ids=["owner", "moderator", ""],
)
async def test_a_job_is_the_business_of_its_owner_and_of_moderators(
    settings: GuildSettings, user_id: int, roles: tuple[int, ...], *, may: bool
) -> None:
    interaction = asked_by(settings, *roles)
    interaction.user._user = discord.Object(user_id)
    job = make_job(origin=builders.origin(user_id=ADA))
    assert await may_see(interaction, job) is may


GALLERY = 90


@pytest.mark.parametrize(
    ("known", "may"),
    [
        ({"message_id": 5}, True),
        ({"message_id": None}, False),
        ({"message_id": 5, "withdrawn_at_ms": 1}, False),
        ({"message_id": 5, "is_direct": True}, False),
    ],
    ids=["posted", "only tried", "deleted", "direct"],
)
async def test_who_sees_the_clip_in_the_gallery_may_know_of_its_job(
    settings: GuildSettings, known: dict[str, Any], *, may: bool
) -> None:
    job = make_job(origin=builders.origin(user_id=ADA), message_channel_id=GALLERY, **known)
    interaction = asked_by(settings)
    interaction.user._user = discord.Object(78)
    interaction.channel_id = GALLERY
    assert await may_see(interaction, job) is may
    interaction.channel_id = GALLERY + 1
    assert not await may_see(interaction, job)
