"""Roles and channels of a server: meant by mention, id or name, and shown as what has become of them."""

from dataclasses import replace

import pytest

from bot.services.controls import Channel, Control, Surroundings, Unfit
from bot.services.references import PlaceOrNone, Places, RoleOrNone, places_of

GUILD, MODS, OTHER_MODS, CREW, NONE_ROLE = 1, 5, 6, 7, 8
LOG, RULES, SECRET, CLIPS = 20, 21, 22, 23
AROUND = Surroundings(
    guild_id=GUILD,
    user_id=100,
    roles={MODS: "mods", OTHER_MODS: "Mods", CREW: "Film @crew", NONE_ROLE: "none", 9: "twins", 10: "twins"},
    places={
        LOG: Channel("log"),
        RULES: Channel("rules", missing=("View Channel", "Send Messages")),
        SECRET: Channel("secret", is_seen=False),
    },
    channels={
        LOG: Channel("log"),
        CLIPS: Channel("clips"),
        SECRET: Channel("secret", is_seen=False),
        **{number: Channel(f"room {number}") for number in range(100, 200)},
    },
    models={"kling-v3": "Kling 3.0, kling", "local-camera": "Local"},
    now_ms=1_767_225_600_000,  # 2026-01-01, 00:00 UTC, a Thursday
)
ROLE = RoleOrNone(
    some="some", none="nobody", gone="nobody left", everybody="cannot be the role of everybody, because."
)
PLACE = PlaceOrNone(some="there", none="nowhere", gone="nowhere left")
SOME = Places(some="there", every="wherever")


def suggested(control: Control, typed: str) -> list[str]:
    return [offer.value for offer in control.offers(typed, AROUND)]


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
    secret = PLACE.state(SECRET, AROUND)
    assert (secret.name, secret.plain) == ("<#22>", "22")
    assert PLACE.state(LOG, AROUND).plain == "log (20)"
    assert PLACE.state(RULES, AROUND).trouble == (
        "I cannot post there: I lack **View Channel**, **Send Messages**."
    )
    gone = PLACE.state(4711, AROUND)
    assert (gone.name, gone.words) == ("`deleted channel`", "nowhere left")
    assert gone.trouble == "This channel was deleted. Choose another, or `none`."


def test_a_channel_for_clips_needs_more_rights_than_one_for_words() -> None:
    channels = {LOG: Channel("log", missing_for_clips=("Attach Files",))}
    around = replace(AROUND, places=channels)
    gallery = replace(PLACE, for_clips=True)
    assert PLACE.read("log", around) == LOG
    with pytest.raises(Unfit, match=r"there I lack \*\*Attach Files\*\*"):
        gallery.read("log", around)
    assert gallery.state(LOG, around).trouble == "I cannot post there: I lack **Attach Files**."


def test_a_channel_for_moderators_is_better_not_seen_by_everybody() -> None:
    around = replace(AROUND, places={LOG: Channel("log", is_public=True)})
    for_moderators = replace(PLACE, for_moderators=True)
    assert for_moderators.read("log", around) == LOG
    assert for_moderators.state(LOG, around).trouble == (
        "Everybody in this server can read what I tell moderators there."
    )
    assert PLACE.state(LOG, around).trouble is None


# ---- Some channels


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("log", "20"),
        ("#clips, log", "23,20"),
        ("<#20><#23>", "20,23"),
        ("<#20> <#23> ,", "20,23"),
        ("20,20", "20"),
        ("everywhere", None),
        (" Everywhere ", None),
    ],
)
def test_channels_are_meant_by_mention_id_or_name(typed: str, kept: str | None) -> None:
    assert SOME.read(typed, AROUND) == kept


@pytest.mark.parametrize("typed", ["log, nowhere", "none", ",", "secret", "<#22>", "everywhere, log"])
def test_what_is_no_channel_makes_the_whole_list_refused(typed: str) -> None:
    with pytest.raises(Unfit, match=r"^needs channels of this server"):
        SOME.read(typed, AROUND)


def test_a_list_of_channels_is_bounded() -> None:
    assert SOME.read(",".join(map(str, range(100, 150))), AROUND)
    with pytest.raises(Unfit, match="at most 50 channels"):
        SOME.read(",".join(map(str, range(100, 151))), AROUND)


def test_a_list_of_channels_is_suggested_one_by_one() -> None:
    assert suggested(SOME, "")[:3] == ["everywhere", "20", "23"]
    assert suggested(SOME, "#cl") == ["23"]
    assert suggested(SOME, "log, cl") == ["20,23"]
    assert "20" not in suggested(SOME, "log,")
    assert suggested(SOME, "nothing, cl") == []


def test_channels_that_are_gone_are_counted() -> None:
    assert SOME.state(None, AROUND).name == "`everywhere`"
    assert SOME.state("20,23", AROUND).name == "<#20> <#23>"
    assert SOME.state("20,23", AROUND).plain == "log (20) and 1 more"
    assert SOME.state("20,99", AROUND).trouble == "1 more was deleted."
    gone = SOME.state("98,99", AROUND)
    assert (gone.name, gone.plain) == ("`deleted channel`", "98 and 1 more")
    assert gone.trouble == "All of them were deleted. Choose others, or `everywhere`."
    assert SOME.state(",".join(map(str, range(100, 130))), AROUND).name.endswith("<#109> +20")


def test_channels_that_are_kept_are_read_again() -> None:
    assert places_of("20,23") == (20, 23)
    assert places_of(None) == ()
