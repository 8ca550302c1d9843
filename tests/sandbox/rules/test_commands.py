from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.rules import violations
from tests.discord_payloads import COMMANDS

GUILD_COMMANDS = "/applications/{application_id}/guilds/{guild_id}/commands"


def synced(*commands: object) -> list[str]:
    return violations("PUT", COMMANDS, list(commands), [])


def command(**keys: Any) -> dict[str, Any]:
    return {"name": "animate", "description": "Make a video", **keys}


def menu(kind: int, name: str = "Animate this", **keys: Any) -> dict[str, Any]:
    return {"type": kind, "name": name, **keys}


def option(kind: int = 3, name: str = "prompt", **keys: Any) -> dict[str, Any]:
    return {"type": kind, "name": name, "description": "x", **keys}


def having(*options: Any) -> dict[str, Any]:
    return command(options=list(options))


def choosing(*values: Any, kind: int = 3, **keys: Any) -> dict[str, Any]:
    choices = [{"name": str(number), "value": value} for number, value in enumerate(values)]
    return having(option(kind, choices=choices, **keys))


SAME = [{"name": "x", "value": "1"}, {"name": "x", "value": "2"}]
SUB, GROUP = option(1, "me"), option(2, "grants", options=[option(1, "add")])
REQUIRED, OPTIONAL = option(name="a", required=True), option(name="b")

EACH: dict[str, tuple[Any, Any, str]] = {
    "unknown type": (menu(5), menu(2), "[0] cannot be a command of type 5 here."),
    "unknown key": (command(desc="x"), command(), "[0].desc is a key that Discord does not know here."),
    "no name": ({"description": "x"}, command(), "[0].name is missing."),
    "name length": (command(name="x" * 33), command(name="x" * 32), "[0].name must have 1 to 32 characters; it has 33."),
    "name with a space": (command(name="make video"), command(name="make-video"), "a name has letters, digits, -, _ and ' only, not ' '."),
    "name in capitals": (command(name="Animate"), command(name="animate"), "[0].name is 'Animate'; a name is written in lower case."),
    "name with a sign": (command(name="clip!"), command(name="l'été_2"), "not '!'."),
    "no description": ({"name": "animate"}, command(), "[0].description is missing."),
    "empty description": (command(description=""), command(description="x"), "[0].description must have 1 to 100 characters; it has 0."),
    "description length": (command(description="x" * 101), command(description="x" * 100), "[0].description must have 1 to 100"),
    "menu name": (menu(3, "x" * 33), menu(3, "Animate This!"), "[0].name must have 1 to 32"),
    "described menu": (menu(3, description="x"), menu(3, description=""), "[0].description must be empty; a context menu has no description."),
    "menu with options": (menu(2, options=[option()]), menu(2, options=[]), "[0].options must have 0 to 0 entries"),
    "locale": (command(name_localizations={"en": "animate"}), command(name_localizations={"en-GB": "animate"}), "[0].name_localizations has the locale en, which Discord does not have."),
    "translations": (command(name_localizations=[]), command(name_localizations={}), "[0].name_localizations must be an object."),
    "translated name": (command(name_localizations={"de": "Bewegen"}), command(name_localizations={"hi": "एनिमेट"}), "[0].name_localizations.de is 'Bewegen'; a name is written in lower case."),
    "translated description": (command(description_localizations={"de": ""}), command(description_localizations={"de": "x"}), "[0].description_localizations.de must have 1 to 100"),
    "permissions": (command(default_member_permissions="admin"), command(default_member_permissions="32"), "[0].default_member_permissions must be a set of permissions"),
    "contexts": (command(contexts=[0, 0]), command(contexts=[0, 1]), "[0].contexts names an entry twice."),
    "26 options": (having(*(option(name=f"o{n}") for n in range(26))), having(*(option(name=f"o{n}") for n in range(25))), "[0].options must have 0 to 25 entries; it has 26."),
    "option name": (having(option(name="Prompt")), having(option()), "[0].options[0].name is 'Prompt'; a name is written in lower case."),
    "option without description": (having({"type": 3, "name": "x"}), having(option()), "[0].options[0].description is missing."),
    "unknown option type": (having(option(12)), having(option(11)), "[0].options[0] cannot be an option of type 12 here."),
    "same option": (having(option(), option(4)), having(option(), option(4, "n")), "[0].options has two entries that are called prompt."),
    "required last": (having(OPTIONAL, REQUIRED), having(REQUIRED, OPTIONAL), "[0].options has a, which is required, after b, which is not."),
    "required last in a subcommand": (having(option(1, options=[OPTIONAL, REQUIRED])), having(option(1, options=[REQUIRED, OPTIONAL])), "[0].options[0].options has a, which is required"),
    "choices with autocomplete": (choosing("x", autocomplete=True), choosing("x", autocomplete=False), "[0].options[0] cannot have choices together with autocomplete."),
    "autocomplete of a file": (having(option(11, autocomplete=True)), having(option(4, autocomplete=True)), "[0].options[0].autocomplete is a key that Discord does not know here."),
    "26 choices": (choosing(*map(str, range(26))), choosing(*map(str, range(25))), "[0].options[0].choices must have 0 to 25 entries; it has 26."),
    "same choice": (having(option(choices=SAME)), having(option(choices=SAME[:1])), "[0].options[0].choices has two choices that are called x."),
    "choice length": (choosing("x" * 101), choosing("x" * 100), "[0].options[0].choices[0].value must have 1 to 100"),
    "choice of a wrong type": (choosing(1), choosing("1"), "choices[0].value is not of the type of its option: 1."),
    "fraction for an integer": (choosing(1.5, kind=4), choosing(1.5, kind=10), "choices[0].value is not of the type of its option: 1.5."),
    "bounds of a text": (having(option(min_length=3, max_length=2)), having(option(min_length=2, max_length=2)), "[0].options[0].min_length is 3, above max_length, which is 2."),
    "text of 6001": (having(option(max_length=6001)), having(option(max_length=6000)), "max_length must be a whole number from 1 to 6000"),
    "bounds of a number": (having(option(10, min_value=1.5, max_value=1.0)), having(option(10, min_value=0.5, max_value=1.0)), "min_value is 1.5, above max_value, which is 1.0."),
    "number above JavaScript": (having(option(4, max_value=-(2**53))), having(option(4, max_value=2**53 - 1)), "max_value must be a whole number"),
    "number of a wrong kind": (having(option(10, min_value="1")), having(option(10, min_value=1)), "min_value must be a number"),
    "text bounds of a number": (having(option(4, min_length=1)), having(option(4, min_value=1)), "min_length is a key that Discord does not know here."),
    "file types": (having(option(11, file_types=["png"])), having(option(11, file_types=[".png", "video"])), "file_types[0] must be image, video, audio or an extension"),
    "channel types": (having(option(7, channel_types=[0, 0])), having(option(7, channel_types=[0, 5])), "channel_types names an entry twice."),
    "subcommand beside an option": (having(SUB, OPTIONAL), having(SUB, GROUP), "[0].options mixes subcommands with options."),
    "group in a group": (having(option(2, options=[option(2, "x", options=[SUB])])), having(GROUP), "[0].options[0].options[0] cannot be an option of type 2 here."),
    "subcommand in a subcommand": (having(option(1, options=[SUB])), having(option(1, options=[OPTIONAL])), "[0].options[0].options[0] cannot be an option of type 1 here."),
    "option in a group": (having(option(2, options=[OPTIONAL])), having(GROUP), "[0].options[0].options[0] cannot be an option of type 3 here."),
}  # fmt: skip


@pytest.mark.parametrize(("broken", "kept", "reason"), EACH.values(), ids=EACH)
def test_a_command_that_breaks_a_rule_is_refused(broken: Any, kept: Any, reason: str) -> None:
    assert reason in " ".join(synced(broken))
    assert synced(kept) == []


def test_a_sync_is_a_list() -> None:
    assert violations("PUT", COMMANDS, {}, []) == ["The body must be the list of all commands."]
    assert violations("PUT", GUILD_COMMANDS, [], []) == []


@pytest.mark.parametrize(
    ("kind", "limit", "what"),
    [(1, 100, "slash commands"), (2, 15, "user commands"), (3, 15, "message commands")],
)
def test_each_kind_of_command_has_its_limit(kind: int, limit: int, what: str) -> None:
    def some(count: int) -> list[dict[str, Any]]:
        named = [{"type": kind, "name": f"c{number}"} for number in range(count)]
        return [command(**each) if kind == 1 else each for each in named]

    assert synced(*some(limit)) == []
    assert synced(*some(limit + 1)) == [f"There may be {limit} {what}; the list has {limit + 1}."]


def test_a_name_is_free_again_in_another_kind() -> None:
    assert synced(command(), menu(2, "animate"), menu(3, "animate")) == []
    assert synced(command(), command(type=1)) == ["The list has two slash commands that are called animate."]


def test_a_command_has_8000_characters_with_the_longest_of_its_translations() -> None:
    choices = [{"name": f"{number:02}" + "n" * 98, "value": "v" * 100} for number in range(13)]
    options = [option(name=f"o{number}", choices=choices) for number in range(3)]  # 3 x (2 + 1 + 13 x 200)
    fits = command(name="x" * 32, description="d" * 100, options=options)  # 7 941
    assert synced(fits) == []
    longer = {
        **fits,
        "options": [{**options[0], "description_localizations": {"de": "d" * 60}}, *options[1:]],
    }
    assert synced(longer) == []
    longest = {
        **fits,
        "options": [{**options[0], "description_localizations": {"de": "d" * 61}}, *options[1:]],
    }
    assert synced(longest) == ["[0] may have 8000 characters in all; it has 8001."]


@pytest.mark.parametrize("scope", [COMMANDS, GUILD_COMMANDS])
def test_a_single_command_follows_the_same_rules(scope: str) -> None:
    assert violations("POST", scope, command(), []) == []
    assert violations("POST", scope, {"name": "animate"}, []) == ["description is missing."]
    assert violations("PATCH", f"{scope}/{{command_id}}", {"description": "x"}, []) == []
    assert violations("PATCH", f"{scope}/{{command_id}}", {"options": [OPTIONAL, REQUIRED]}, []) != []


@given(st.text(st.sampled_from("abcäøя0_-'"), min_size=1, max_size=32))
def test_lower_case_words_are_names(name: str) -> None:
    assert synced(command(name=name), command(name="x", options=[option(name=name)])) == [
        f"The list has two slash commands that are called {name}." for _ in range(name == "x")
    ]


@given(st.text(min_size=1, max_size=32).filter(lambda name: name != name.lower() or " " in name))
def test_capitals_and_spaces_are_no_names(name: str) -> None:
    assert synced(command(name=name)) != []
