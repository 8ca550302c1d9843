"""Controls: what was typed becomes a value of the column, or a refusal in words."""

from typing import Any

import pytest

from bot.services.controls import (
    Control,
    Number,
    Place,
    PlaceOrNone,
    RoleOrNone,
    Surroundings,
    TimeZone,
    Unfit,
    no_or_yes,
)

GUILD, MODS, OTHER_MODS, CREW, NONE_ROLE = 1, 5, 6, 7, 8
LOG, RULES, SECRET = 20, 21, 22
AROUND = Surroundings(
    guild_id=GUILD,
    user_id=100,
    roles={MODS: "mods", OTHER_MODS: "Mods", CREW: "Film @crew", NONE_ROLE: "none", 9: "twins", 10: "twins"},
    places={
        LOG: Place("log"),
        RULES: Place("rules", missing=("View Channel", "Send Messages")),
        SECRET: Place("secret", is_seen=False),
    },
    now_ms=1_767_225_600_000,  # 2026-01-01, 00:00 UTC, a Thursday
)
ROLE = RoleOrNone(some="some", none="nobody", gone="nobody left", everybody=", because")
PLACE = PlaceOrNone(some="there", none="nowhere", gone="nowhere left")
CREDITS = Number(least=0, most=1_000_000, unit="credits", words="above {}", none="never", offered=(25, 250))
PERCENT = Number(least=10, most=1_000, unit="%", words="{} of 100", offered=(100, 150))
SWITCH = no_or_yes(no="off", yes="on")
CONTROLS: tuple[Control, ...] = (ROLE, PLACE, CREDITS, PERCENT, SWITCH, TimeZone())
HOSTILE = (
    "", " ", "@", "#", "<@&>", "<@&5", "<@5>", "5; DROP TABLE guilds", "-1", "+5", "1e3", "٣", "½", "0x10", "nan",
    "99999999999999999999", "9" * 6000, "x" * 6000, "\0", "\ud800", "null", "None of it", "<@&99999999999999999999>",
    "../../etc/passwd", "`none`", "@here",
)  # fmt: skip


def suggested(control: Control, typed: str) -> list[str]:
    return [offer.value for offer in control.offers(typed, AROUND)]


@pytest.mark.parametrize("typed", HOSTILE)
@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: type(control).__name__)
def test_what_is_no_value_is_refused_in_words_that_do_not_repeat_it(control: Control, typed: str) -> None:
    with pytest.raises(Unfit) as refusal:
        control.read(typed, AROUND)
    assert str(refusal.value).endswith(".")
    assert len(str(refusal.value)) < 200
    assert not typed.strip() or typed not in str(refusal.value) or typed in {"@", "#", "`none`", "-1"}


@pytest.mark.parametrize("typed", HOSTILE)
@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: type(control).__name__)
def test_whatever_is_suggested_is_taken_or_says_what_lacks(control: Control, typed: str) -> None:
    for offer in list(control.offers(typed, AROUND)):
        assert offer.label
        if "I lack" not in offer.label:
            control.read(offer.value, AROUND)


# ---- Roles


@pytest.mark.parametrize(
    ("typed", "role_id"),
    [
        ("mods", MODS),
        ("@Mods", OTHER_MODS),
        (" film @CREW ", CREW),
        ("<@&7>", CREW),
        ("7", CREW),
        ("none", None),
        ("NONE", None),
        (str(NONE_ROLE), NONE_ROLE),
    ],
)
def test_a_role_is_meant_by_mention_id_or_name(typed: str, role_id: int | None) -> None:
    assert ROLE.read(typed, AROUND) == role_id


@pytest.mark.parametrize("typed", ["@everyone", "everyone", "EVERYONE", "1", "<@&1>"])
def test_the_role_of_everybody_is_refused_with_the_reason(typed: str) -> None:
    with pytest.raises(Unfit) as refusal:
        ROLE.read(typed, AROUND)
    assert str(refusal.value) == "cannot be the role of everybody, because."


@pytest.mark.parametrize("typed", ["MODS", "twins"])
def test_a_name_that_several_have_is_refused(typed: str) -> None:
    with pytest.raises(Unfit, match="could be one of 2 that are called so; choose one that is suggested"):
        ROLE.read(typed, AROUND)


@pytest.mark.parametrize("typed", ["directors", "<@&4711>", "4711", "<#20>", "<@7>"])
def test_a_role_that_this_server_does_not_have_is_refused(typed: str) -> None:
    with pytest.raises(Unfit, match="needs a role of this server"):
        ROLE.read(typed, AROUND)


def test_roles_are_suggested_by_name_and_the_role_of_everybody_is_not() -> None:
    assert suggested(ROLE, "") == ["none", "5", "6", "7", "8", "9", "10"]
    assert suggested(ROLE, "@MO") == ["5", "6"]
    assert suggested(ROLE, "no") == ["none", "8"]
    assert suggested(ROLE, "everyone") == []
    assert next(iter(ROLE.offers("crew", AROUND))).label == "@Film @crew"


def test_a_role_is_shown_as_a_mention_and_written_with_its_name() -> None:
    state = ROLE.state(CREW, AROUND)
    assert (state.name, state.words, state.plain, state.trouble) == ("<@&7>", "some", "Film @crew (7)", None)


def test_a_role_that_was_deleted_is_shown_as_such() -> None:
    state = ROLE.state(4711, AROUND)
    assert (state.name, state.words, state.plain) == ("`deleted role`", "nobody left", "deleted role (4711)")
    assert state.trouble == "This role was deleted. Choose another, or `none`."


# ---- Channels


@pytest.mark.parametrize(
    ("typed", "place_id"), [("log", LOG), ("#LOG", LOG), ("<#20>", LOG), ("20", LOG), ("none", None)]
)
def test_a_channel_is_meant_by_mention_id_or_name(typed: str, place_id: int | None) -> None:
    assert PLACE.read(typed, AROUND) == place_id


@pytest.mark.parametrize("typed", ["rules", "21", "<#21>"])
def test_a_channel_that_the_bot_cannot_post_in_is_refused_with_what_it_lacks(typed: str) -> None:
    with pytest.raises(Unfit, match=r"there I lack \*\*View Channel\*\*, \*\*Send Messages\*\*"):
        PLACE.read(typed, AROUND)


@pytest.mark.parametrize("typed", ["secret", "22", "<#22>"])
def test_a_channel_that_the_person_does_not_see_is_not_spoken_of(typed: str) -> None:
    with pytest.raises(Unfit) as hidden:
        PLACE.read(typed, AROUND)
    with pytest.raises(Unfit) as missing:
        PLACE.read("4711", AROUND)
    assert str(hidden.value) == str(missing.value)
    assert "22" not in suggested(PLACE, "")


def test_channels_are_suggested_with_what_the_bot_lacks_there() -> None:
    assert suggested(PLACE, "") == ["none", "20", "21"]
    [offer] = PLACE.offers("#RU", AROUND)
    assert offer.label == "#rules · I lack View Channel, Send Messages"


def test_a_channel_that_is_gone_or_closed_to_the_bot_by_now_is_shown_as_such() -> None:
    assert PLACE.state(LOG, AROUND).trouble is None
    assert PLACE.state(SECRET, AROUND).name == "<#22>"
    assert PLACE.state(RULES, AROUND).trouble == (
        "I cannot post there: I lack **View Channel**, **Send Messages**."
    )
    gone = PLACE.state(4711, AROUND)
    assert (gone.name, gone.words) == ("`deleted channel`", "nowhere left")
    assert gone.trouble == "This channel was deleted. Choose another, or `none`."


# ---- Numbers


@pytest.mark.parametrize(
    ("control", "typed", "number"),
    [
        (CREDITS, "0", 0),
        (CREDITS, "1000000", 1_000_000),
        (CREDITS, "1,000 credits", 1000),
        (CREDITS, " 12 Credits\n", 12),
        (CREDITS, "None", None),
        (PERCENT, "10", 10),
        (PERCENT, "150 %", 150),
        (PERCENT, "150%", 150),
    ],
)
def test_a_number_is_read_within_its_bounds(control: Number, typed: str, number: int | None) -> None:
    assert control.read(typed, AROUND) == number


@pytest.mark.parametrize(
    ("control", "typed"),
    [
        (CREDITS, "1000001"),
        (CREDITS, "-1"),
        (CREDITS, "2.5"),
        (PERCENT, "9"),
        (PERCENT, "1001"),
        (PERCENT, "none"),
    ],
)
def test_a_number_out_of_its_bounds_is_refused_with_them(control: Number, typed: str) -> None:
    with pytest.raises(Unfit, match=rf"from {control.least:,} .* to {control.most:,} "):
        control.read(typed, AROUND)


def test_numbers_are_suggested_with_what_they_mean() -> None:
    assert suggested(CREDITS, "") == ["25", "250", "none"]
    assert suggested(CREDITS, "25") == ["25", "250"]
    assert suggested(CREDITS, "2") == ["2", "25", "250"]
    assert suggested(PERCENT, "5") == []
    assert next(iter(CREDITS.offers("1000", AROUND))).label == "1,000 credits · above 1,000"


def test_a_number_is_shown_with_its_unit() -> None:
    assert (CREDITS.state(1500, AROUND).name, CREDITS.state(1500, AROUND).words) == (
        "`1,500 credits`",
        "above 1,500",
    )
    assert (CREDITS.state(None, AROUND).name, CREDITS.state(None, AROUND).words) == ("`none`", "never")


# ---- One of a few, and time zones


@pytest.mark.parametrize(("typed", "stored"), [("yes", 1), (" NO\n", 0)])
def test_a_switch_is_read_in_any_case(typed: str, stored: int) -> None:
    assert SWITCH.read(typed, AROUND) == stored


@pytest.mark.parametrize("stored", [None, 7, "yes"])
def test_what_no_value_stands_for_counts_as_the_first(stored: Any) -> None:
    assert SWITCH.state(stored, AROUND).name == "`no`"


def test_a_zone_is_suggested_and_shown_with_the_time_there() -> None:
    [offer] = TimeZone().offers("kathmandu", AROUND)
    assert (offer.label, offer.value) == ("Kathmandu, Nepal · Thu 05:45 · Asia/Kathmandu", "Asia/Kathmandu")
    assert TimeZone().state("Asia/Kathmandu", AROUND).words == "it is Thu 05:45 there"
    assert TimeZone().read("kathmandu", AROUND) == "Asia/Kathmandu"


def test_a_zone_that_the_database_has_no_more_is_shown_as_such() -> None:
    state = TimeZone().state("Mars/Olympus", AROUND)
    assert (state.name, state.words) == ("`Mars/Olympus`", "it is Thu 00:00 there")
    assert state.trouble == "This time zone is not known any more, so UTC counts."
