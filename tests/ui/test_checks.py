import discord
import pytest

from bot.domain.errors import PermissionsMissing
from bot.ui.checks import ensure_deliverable, is_moderator
from tests.ui.conftest import interaction_in

CHANNEL = discord.Object(1)
THREAD = object.__new__(discord.Thread)
READ = ("view_channel", "read_message_history", "attach_files", "embed_links")


@pytest.mark.parametrize("way", [("send_messages",), ("create_public_threads", "send_messages_in_threads")])
def test_a_channel_needs_one_way_to_post_in_it(way: tuple[str, ...]) -> None:
    ensure_deliverable(interaction_in(CHANNEL, *READ, *way))


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
    granted = {*READ, "send_messages"} - {lacking}
    with pytest.raises(PermissionsMissing) as refusal:
        ensure_deliverable(interaction_in(CHANNEL, *granted))
    assert refusal.value.missing == (name,)


@pytest.mark.parametrize("half", ["create_public_threads", "send_messages_in_threads"])
def test_half_a_way_into_threads_is_none(half: str) -> None:
    with pytest.raises(PermissionsMissing):
        ensure_deliverable(interaction_in(CHANNEL, *READ, half))


def test_in_a_thread_the_right_to_write_in_threads_counts() -> None:
    ensure_deliverable(interaction_in(THREAD, *READ, "send_messages_in_threads"))
    with pytest.raises(PermissionsMissing) as refusal:
        ensure_deliverable(interaction_in(THREAD, *READ, "send_messages"))
    assert refusal.value.missing == ("Send Messages in Threads",)


def test_everything_that_lacks_is_named_at_once() -> None:
    with pytest.raises(PermissionsMissing) as refusal:
        ensure_deliverable(interaction_in(CHANNEL))
    assert len(refusal.value.missing) == 5


@pytest.mark.parametrize("manager", [True, False])
def test_a_moderator_is_who_may_manage_the_server(*, manager: bool) -> None:
    assert is_moderator(interaction_in(CHANNEL, manager=manager)) is manager
