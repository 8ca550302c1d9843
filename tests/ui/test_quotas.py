"""`/quota`: who is meant, and what moderators are told of what they did."""

from typing import Any

import discord
import pytest
from discord.app_commands import AppCommandChannel, AppCommandThread

from bot.db.guilds import Block
from bot.domain.catalogue import Catalogue
from bot.domain.limits import EVERYBODY, MEASURES, Limit, Measure
from bot.domain.money import Scope, Window
from bot.services.allowances import (
    EVERY_MEMBER,
    THE_SERVER,
    Barred,
    Capped,
    Granted,
    Priced,
    Reset,
    Subject,
)
from bot.ui import checks, quotas
from bot.ui.quotas import (
    BUDGET_CHOICES,
    MEASURE_CHOICES,
    BotsMakeNoClips,
    NoSuchLimit,
    OneAtATime,
    absent,
    barred_text,
    capped_text,
    granted_text,
    measure_of,
    model_choices,
    priced_text,
    reset_text,
    subject_of,
)
from tests import builders

MIA = Subject(Scope.MEMBER, 100)
ARTISTS = Subject(Scope.ROLE, 7, "Artists")
STUDIO = Subject(Scope.CHANNEL, 10, "studio")
GUILD_ID = 1


def made(kind: Any, **known: Any) -> Any:
    """A thing of Discord's with these attributes."""
    thing = kind.__new__(kind)
    for name, value in known.items():
        setattr(thing, name, value)
    return thing


class Interaction:
    """One in a guild that has one channel."""

    guild_id = GUILD_ID
    channel_id = 10
    channel: Any = None

    class guild:  # noqa: N801 - as the attribute is called
        @staticmethod
        def get_channel(channel_id: int) -> Any:
            return made(discord.TextChannel, name="studio") if channel_id == 10 else None


HERE: Any = Interaction()


def user(number: int = 100, *, bot: bool = False) -> discord.User:
    return made(discord.User, id=number, bot=bot)


def role(number: int) -> discord.Role:
    return made(discord.Role, id=number, name="Art\nists")


def channel(number: int = 10) -> AppCommandChannel:
    return made(AppCommandChannel, id=number, name="studio")


def thread(parent_id: int) -> AppCommandThread:
    return made(AppCommandThread, id=77, name="a clip", parent_id=parent_id)


# ---- Who is meant


@pytest.mark.parametrize(
    ("chosen", "meant"),
    [
        ({}, EVERY_MEMBER),
        ({"member": user()}, MIA),
        ({"role": role(7)}, Subject(Scope.ROLE, 7, "Art ists")),
        ({"role": role(GUILD_ID)}, EVERY_MEMBER),
        ({"channel": channel()}, STUDIO),
        ({"channel": thread(10)}, STUDIO),
        ({"channel": thread(11)}, Subject(Scope.CHANNEL, 11, "")),
    ],
)
def test_whoever_was_chosen_is_meant(chosen: Any, meant: Subject) -> None:
    assert subject_of(HERE, **chosen) == meant


def test_without_a_choice_it_is_whoever_the_command_says() -> None:
    assert subject_of(HERE, otherwise=THE_SERVER) is THE_SERVER


@pytest.mark.parametrize(
    "chosen",
    [
        {"member": user(), "role": role(7)},
        {"member": user(), "channel": channel()},
        {"role": role(GUILD_ID), "channel": channel()},
    ],
)
def test_several_at_once_are_refused_in_words(chosen: Any) -> None:
    with pytest.raises(OneAtATime, match="one member, one role or one channel"):
        subject_of(HERE, **chosen)


def test_bots_are_refused_in_words() -> None:
    with pytest.raises(BotsMakeNoClips, match="Bots make no clips"):
        subject_of(HERE, member=user(bot=True))


def test_somebody_who_is_not_in_the_server_is_told_of() -> None:
    assert absent(user()) == "\n-# They are not in this server now."
    assert absent(None) == absent(made(discord.Member)) == ""
    assert checks.roles_of(user()) == frozenset()


@pytest.mark.parametrize(
    ("subject", "named"),
    [
        (EVERY_MEMBER, "everybody"),
        (THE_SERVER, "server"),
        (MIA, "member"),
        (ARTISTS, "role Artists (7)"),
        (Subject(Scope.CHANNEL, 11), "channel 11"),
    ],
)
def test_the_ledger_has_a_name_for_everyone(subject: Subject, named: str) -> None:
    assert str(subject) == named


def test_a_thread_counts_in_the_channel_above_it() -> None:
    inside: Any = Interaction()
    inside.channel_id, inside.channel = 77, made(discord.Thread, parent_id=10)
    assert (quotas.place_id(inside), quotas.place_id(HERE)) == (10, 10)


# ---- What can be chosen


def test_every_measure_can_be_chosen_with_its_words_and_the_servers_for_its_budget() -> None:
    assert [choice.value for choice in MEASURE_CHOICES] == [measure.value for measure in Measure]
    assert [choice.value for choice in BUDGET_CHOICES] == [one.value for one in MEASURES[Scope.SERVER]]
    assert all(measure_of(choice.value) for choice in MEASURE_CHOICES)


def test_a_limit_that_is_none_is_refused() -> None:
    with pytest.raises(NoSuchLimit):
        measure_of("weight")


def test_models_are_suggested_by_name_or_id_once_each() -> None:
    catalogue = Catalogue(
        (builders.LOCAL, builders.SCRIPTED, builders.SPARE), providers=("local", "scripted", "spare")
    )
    assert [choice.value for choice in model_choices(catalogue, "")] == ["local-camera", "spare-1"]
    assert [choice.value for choice in model_choices(catalogue, " SPARE")] == ["spare-1"]
    assert model_choices(catalogue, "sora") == []


# ---- What moderators are told


def capped(
    subject: Subject,
    before: int | str | None,
    after: int | str | None,
    measure: Measure = Measure.DAY,
    **known: Any,
) -> list[str]:
    def limit(amount: int | str | None) -> Limit | None:
        return None if amount == "own" else Limit(subject.scope, subject.id, measure, amount)  # pyright: ignore[reportArgumentType]

    return capped_text(Capped(subject, measure, limit(before), limit(after), **known)).splitlines()


@pytest.mark.parametrize(
    ("subject", "whose"),
    [
        (EVERY_MEMBER, "Everybody"),
        (MIA, "<@100>"),
        (ARTISTS, "<@&7>"),
        (STUDIO, "<#10>"),
        (THE_SERVER, "This server"),
    ],
)
def test_a_cap_is_told_with_whose_it_is_and_what_it_was(subject: Subject, whose: str) -> None:
    assert capped(subject, 500, 1_000) == [
        "### From now on",
        f"{whose} · `day`",
        "500 credits → 1,000 credits",
    ]


def test_no_cap_no_own_cap_and_a_cap_of_nothing_are_told_apart() -> None:
    assert capped(MIA, "own", None)[-1] == "no cap of their own: a role's or everybody's counts → no cap"
    assert capped(EVERY_MEMBER, "own", 0)[-1] == "no cap → 0 credits"
    assert capped(ARTISTS, 1, "own", Measure.QUEUED)[-1] == "1 clip → no cap of its own: everybody's counts"


def test_a_cap_on_running_clips_says_what_comes_of_it() -> None:
    assert capped(MIA, 1, 2, Measure.RUNNING)[-1] == "-# Clips that wait start as soon as this lets them."


@pytest.mark.parametrize(
    ("subject", "measure", "after", "is_told"),
    [
        (THE_SERVER, Measure.MONTH, 501, True),
        (THE_SERVER, Measure.WEEK, None, True),
        (THE_SERVER, Measure.MONTH, "own", True),
        (THE_SERVER, Measure.MONTH, 500, False),
        (THE_SERVER, Measure.RUNNING, 501, False),
        (EVERY_MEMBER, Measure.MONTH, 501, False),
    ],
)
def test_a_budget_above_the_operators_ceiling_says_that_it_counts_all_the_same(
    *, subject: Subject, measure: Measure, after: int | None, is_told: bool
) -> None:
    lines = capped(subject, 1, after, measure, ceiling=500)
    told = "-# The bot's operator lets this server use 500 credits a month at the catalogue's prices; that counts all the same."
    assert (told in lines) is is_told


def test_a_grant_is_told_with_what_there_was_before() -> None:
    given = Granted(MIA, 500, before=20, expires_at_ms=1_800_000_000_000)
    assert granted_text(given, "won <@1>").splitlines() == [
        "### Credits given",
        "<@100> · on top",
        "20 → 520 credits",
        "-# 500 of them until <t:1800000000:f>.",
        "-# Reason: won \uff1c\uff201\\>",
    ]
    assert "until they are used up" in granted_text(Granted(THE_SERVER, 5, 0, None), None)


def test_what_was_forgotten_is_told_window_by_window() -> None:
    reset = Reset(STUDIO, {Window.DAY: 57, Window.MONTH: 1_200})
    assert reset_text(reset, None).splitlines() == [
        "### Use reset",
        "<#10>",
        "used today 57 → 0",
        "used this month 1,200 → 0",
        "-# What is reserved for clips under way stays.",
    ]


def test_a_block_and_its_end_are_told() -> None:
    block = Block(1_800_000_000_000, "spam")
    assert barred_text(Barred(100, None, block), "spam").splitlines() == [
        "### Blocked",
        "<@100>",
        "not blocked → blocked until <t:1800000000:f>",
        "-# Reason: spam",
        "-# Clips asked for before are still made.",
    ]
    assert "blocked until <t:1800000000:f> → blocked" in barred_text(
        Barred(100, block, Block(None, None)), None
    )
    assert barred_text(Barred(100, Block(None, None), None), "said sorry").splitlines() == [
        "### Unblocked",
        "<@100>",
        "blocked → not blocked",
        "-# Reason: said sorry",
    ]


def test_a_price_is_told_with_what_it_was() -> None:
    assert priced_text(Priced("kling-v2", None, 1, percent=120)).splitlines() == [
        "### From now on",
        "`kling-v2`",
        "120 % of the catalogue's → 1 credit a second",
        "-# Clips asked for before keep their price.",
    ]


def test_lines_fit_a_phone() -> None:
    """At 350 px some 45 characters of text stand in a line; mentions and times are shorter than they are written."""
    texts = [
        capped_text(
            Capped(EVERY_MEMBER, Measure.RUNNING, None, Limit(Scope.MEMBER, EVERYBODY, Measure.RUNNING, 2))
        ),
        granted_text(Granted(MIA, 10**9, 10**9, None), None),
        reset_text(Reset(MIA, {Window.MONTH: 10**9}), None),
        priced_text(Priced("kling-v2", None, 10**6, percent=1_000)),
    ]
    for line in "\n".join(texts).splitlines():
        assert len(line.removeprefix("-# ")) <= 55, line
