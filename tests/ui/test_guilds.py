from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import discord
import pytest

from bot.domain.errors import Unchanged
from bot.services.controls import Channel, Number, OneOf, Stored, Surroundings
from bot.services.guilds import ManagersOnly
from bot.services.preferences import SETTINGS, Chosen, GuildSetting, NoSuchSetting, NoSuchValue
from bot.services.references import PlaceOrNone, Places, RoleOrNone
from bot.ui.answers import Answer, shown
from bot.ui.errors import describe
from bot.ui.guilds import (
    SETTING_CHOICES,
    ServerUnknown,
    setting_text,
    settings_text,
    surroundings,
    value_choices,
)
from tests.builders import LOCAL
from tests.ui.conftest import everything_said, refusals

BY_NAME = {row.name: row for row in SETTINGS}
ROUTING, MODERATORS = BY_NAME["routing"], BY_NAME["moderator_role"]
LACKING = ("View Channel", "Send Messages")
LARGEST_ID = (1 << 63) - 1
AROUND = Surroundings(
    guild_id=1,
    user_id=77,
    roles={5: "mods"},
    places={20: Channel("log"), LARGEST_ID: Channel("c" * 100, LACKING)},
    channels={LARGEST_ID: Channel("c" * 100)},
)
CROWDED = Surroundings(
    guild_id=1,
    user_id=77,
    roles=dict.fromkeys(range(2, 250), "\u202e@everyone " + "r" * 90),
    places={number: Channel("c" * 100, LACKING) for number in range(2, 500)},
    channels={number: Channel("c" * 100, LACKING) for number in range(2, 500)},
    models={f"{number}" * 40: "m" * 100 for number in range(10, 60)},
)


def longest(row: GuildSetting) -> Stored:
    """What makes the most words."""
    match row.control:
        case OneOf(values):
            return max(values, key=lambda value: len(value.words)).stored
        case Number(most=most):
            return most
        case RoleOrNone():
            return LARGEST_ID - 1  # deleted
        case PlaceOrNone():
            return LARGEST_ID  # closed to the bot
        case Places():
            return ",".join(map(str, [LARGEST_ID] * 50))
        case _:
            return "Mars/" + "x" * 40  # one zone, model, word that is not known any more


def test_every_setting_is_offered_with_what_it_decides() -> None:
    assert [choice.value for choice in SETTING_CHOICES] == [row.name for row in SETTINGS]
    assert all(choice.name.startswith(f"{choice.value} · ") for choice in SETTING_CHOICES)
    assert all(len(choice.name) <= 100 for choice in SETTING_CHOICES)


def test_the_values_of_the_chosen_setting_are_suggested_with_their_words() -> None:
    assert [(choice.name, choice.value) for choice in value_choices("routing", "", AROUND)] == [
        ("order · the first of them in the operator's order", "order"),
        ("cheapest · the one that costs the fewest credits", "cheapest"),
    ]
    assert [(choice.name, choice.value) for choice in value_choices("moderator_role", "", AROUND)] == [
        ("none · nobody", "none"),
        ("@mods", "5"),
    ]


@pytest.mark.parametrize(
    ("typed", "found"),
    [("CHEAP", ["cheapest"]), (" fewest ", ["cheapest"]), ("operator", ["order"]), ("sora", [])],
)
def test_what_was_typed_may_be_anywhere_in_it(typed: str, found: list[str]) -> None:
    assert [choice.value for choice in value_choices("routing", typed, AROUND)] == found


@pytest.mark.parametrize("setting", [None, "", "weight", 7, ["routing"], {}])
def test_no_value_is_suggested_of_what_is_no_setting(setting: object) -> None:
    assert value_choices(setting, "", AROUND) == []


@pytest.mark.parametrize("typed", ["", "e", "r", "c", "1", "none", "@everyone" * 700, "\ud800"])
@pytest.mark.parametrize("name", BY_NAME)
def test_suggestions_keep_to_discords_limits_in_the_largest_server(name: str, typed: str) -> None:
    choices = value_choices(name, typed, CROWDED)
    assert len(choices) <= 25
    assert all(1 <= len(choice.name) <= 100 and 1 <= len(choice.value) <= 100 for choice in choices)
    assert not any("\u202e" in choice.name for choice in choices)


def test_a_setting_is_shown_with_what_it_does_and_what_is_usual() -> None:
    changed = settings_text([Chosen(ROUTING, 1)], AROUND, title="From now on")
    assert changed.splitlines() == [
        "### From now on",
        "**routing** `cheapest` (usually `order`)",
        "-# Who makes a clip that several providers can make: the one that costs the fewest credits.",
    ]
    assert "**routing** `order` (as usual)" in settings_text([Chosen(ROUTING, 0)], AROUND)


def test_what_is_wrong_with_a_setting_stands_below_it() -> None:
    assert settings_text([Chosen(MODERATORS, 6)], AROUND).splitlines()[1:] == [
        "**moderator_role** `deleted role` (usually `none`)",
        "⚠ This role was deleted. Choose another, or `none`.",
        "-# Who moderates Kinora, beside those who have Manage Server: nobody.",
    ]


def test_one_setting_is_shown_with_all_that_it_can_be() -> None:
    assert setting_text(Chosen(MODERATORS, 5), AROUND).splitlines() == [
        "### A setting of this server",
        "**moderator_role** <@&5> (usually `none`)",
        "-# Who moderates Kinora, beside those who have Manage Server: whoever has this role.",
        "It can be",
        "- a role: whoever has this role",
        "- `none`: nobody",
        "-# Only people with Manage Server can change it.",
    ]


def test_all_settings_with_their_longest_values_fit_a_message() -> None:
    view = shown(Answer(settings_text([Chosen(row, longest(row)) for row in SETTINGS], AROUND)))
    assert refusals(view) == []
    assert len(everything_said(view)) < 4_000
    for row in SETTINGS:
        assert refusals(shown(Answer(setting_text(Chosen(row, longest(row)), AROUND)))) == []


@pytest.mark.parametrize(
    "refusal",
    [
        NoSuchSetting(),
        NoSuchValue("routing", "can be `order`."),
        ManagersOnly("moderator_role", among_others=False),
        ServerUnknown(),
    ],
)
def test_who_is_refused_hears_that_nothing_was_changed(refusal: Unchanged) -> None:
    assert describe(refusal).text == f"{refusal} Nothing was changed."


def test_a_server_that_discord_has_not_told_of_yet_is_not_taken_for_an_empty_one() -> None:
    untold = SimpleNamespace(id=1, get_role=dict[int, str]().get)
    for guild in (None, untold):
        with pytest.raises(ServerUnknown, match="do not know this server yet"):
            surroundings(cast("Any", SimpleNamespace(guild=guild, user=None)))


class TextChannel:
    """A channel that notes who asks what they may do in it."""

    name = "log"

    def __init__(self, channel_id: int) -> None:
        self.id = channel_id
        self.asked: list[object] = []

    def permissions_for(self, member: object) -> discord.Permissions:
        self.asked.append(member)
        return discord.Permissions(view_channel=member == "Ada")


def around_of(*channels: TextChannel, me: object) -> Surroundings:
    guild = SimpleNamespace(
        id=1,
        get_role={1: "everyone"}.get,
        default_role="everyone",
        roles=[],
        me=me,
        text_channels=channels,
        forums=(),
        voice_channels=(),
        stage_channels=(),
    )
    catalogue = SimpleNamespace(specs=(LOCAL, LOCAL.model_copy(update={"provider": "spare"})))
    client = SimpleNamespace(services=SimpleNamespace(catalogue=catalogue))
    member = discord.Member.__new__(discord.Member)
    member._user = cast("Any", SimpleNamespace(id=100))
    interaction = SimpleNamespace(
        guild=guild,
        user=member,
        client=client,
        permissions=discord.Permissions(),
        created_at=datetime.fromtimestamp(0, UTC),
    )
    return surroundings(cast("Any", interaction))


def test_permissions_are_worked_out_only_where_a_setting_is_about_channels() -> None:
    channels = [TextChannel(number) for number in range(2, 5)]
    around = around_of(*channels, me="Kinora")
    assert len(value_choices("routing", "", around)) == 2
    assert [channel.asked for channel in channels] == [[], [], []]
    assert len(around.places) == 3
    assert around.places[2].missing == ("View Channel", "Send Messages")
    assert [len(channel.asked) for channel in channels] == [3, 0, 0]


def test_before_discord_has_told_of_the_bot_itself_nothing_is_said_to_be_missing() -> None:
    around = around_of(TextChannel(2), me=None)
    assert around.places[2] == Channel("log", is_seen=False)


def test_models_and_channels_of_every_kind_can_be_chosen() -> None:
    around = around_of(TextChannel(2), me=None)
    assert list(around.channels) == [2]
    assert around.providers == {"local": "", "spare": ""}
    assert around.models == {LOCAL.id: f"{LOCAL.name}, local"}


def test_all_settings_are_shown_in_groups_as_briefly_as_they_have_to_be() -> None:
    usual = settings_text([Chosen(row, row.usual) for row in SETTINGS], AROUND)
    assert usual.startswith("## Settings of this server\n### Who asks, and where\n**channels** `everywhere`")
    assert "-# Who makes a clip that several providers can make: the first of them" in usual
    assert len(usual) < 4_000
    full = settings_text([Chosen(row, longest(row)) for row in SETTINGS], AROUND)
    assert [line for line in full.splitlines() if line.startswith("### ")] == [
        line for line in usual.splitlines() if line.startswith("### ")
    ]
    assert "**threads** `member` (usually `request`)" in full
