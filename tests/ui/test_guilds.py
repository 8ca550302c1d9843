import pytest

from bot.services.guilds import SETTINGS, Chosen
from bot.ui.desk import text_view
from bot.ui.guilds import SETTING_CHOICES, settings_text, value_choices
from tests.ui.conftest import refusals

(ROUTING,) = (row for row in SETTINGS if row.name == "routing")


def test_every_setting_is_offered() -> None:
    assert [choice.value for choice in SETTING_CHOICES] == [row.name for row in SETTINGS]


def test_the_values_of_the_chosen_setting_are_suggested_with_their_words() -> None:
    assert [(choice.name, choice.value) for choice in value_choices("routing", "")] == [
        ("order · the first of them in the operator's order", "order"),
        ("cheapest · the one that costs the fewest credits", "cheapest"),
    ]


@pytest.mark.parametrize(
    ("typed", "found"),
    [("CHEAP", ["cheapest"]), (" fewest ", ["cheapest"]), ("operator", ["order"]), ("sora", [])],
)
def test_what_was_typed_may_be_anywhere_in_it(typed: str, found: list[str]) -> None:
    assert [choice.value for choice in value_choices("routing", typed)] == found


@pytest.mark.parametrize("setting", [None, "", "weight", 7, ["routing"], {}])
def test_no_value_is_suggested_of_what_is_no_setting(setting: object) -> None:
    assert value_choices(setting, "") == []


def test_a_setting_is_shown_with_what_it_does_and_what_is_usual() -> None:
    changed = settings_text([Chosen(ROUTING, ROUTING.called("cheapest"))], title="From now on")
    assert changed.splitlines() == [
        "### From now on",
        "**routing** `cheapest` (usually `order`)",
        "-# Who makes a clip that several providers can make: the one that costs the fewest credits.",
    ]
    assert "**routing** `order` (as usual)" in settings_text([Chosen(ROUTING, ROUTING.usual)])


def test_all_settings_with_their_longest_values_fit_a_message() -> None:
    longest = [Chosen(row, max(row.choices, key=lambda value: len(value.words))) for row in SETTINGS]
    assert refusals(text_view(settings_text(longest))) == []
