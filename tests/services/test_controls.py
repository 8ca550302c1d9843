"""Controls: what was typed becomes a value of the column, or a refusal in words."""

from typing import Any

import pytest

from bot.services.controls import (
    AtHand,
    Control,
    Number,
    TimeZone,
    Unfit,
    no_or_yes,
)
from bot.services.rule_lists import RuleList
from tests.services.test_references import AROUND, PLACE, ROLE, SOME

CREDITS = Number(
    least=0, most=1_000_000, unit="credits", words="above {number}", none="never", offered=(25, 250)
)
PERCENT = Number(least=10, most=1_000, unit="%", words="{number} of 100", offered=(100, 150))
SWITCH = no_or_yes(no="off", yes="on")
WORDS, PATTERNS = (RuleList(are_patterns=are, some="refused", none="fine") for are in (False, True))
MODEL = AtHand(known=lambda around: around.models, one="a model", some="it", none="any", gone="It has gone.")
CONTROLS: tuple[Control, ...] = (ROLE, PLACE, SOME, CREDITS, PERCENT, SWITCH, MODEL, TimeZone())
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
    with pytest.raises(Unfit, match=rf"from {control.least:,} to {control.most:,} "):
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


# ---- What is at hand


@pytest.mark.parametrize(
    ("typed", "name"), [("kling-v3", "kling-v3"), (" KLING-V3 ", "kling-v3"), ("none", None), ("NONE", None)]
)
def test_what_is_at_hand_is_meant_by_its_name(typed: str, name: str | None) -> None:
    assert MODEL.read(typed, AROUND) == name


def test_what_is_at_hand_is_suggested_by_what_is_known_of_it() -> None:
    assert suggested(MODEL, "") == ["none", "kling-v3", "local-camera"]
    assert suggested(MODEL, "Kling 3") == ["kling-v3"]
    assert suggested(MODEL, "sora") == []


def test_what_is_not_at_hand_any_more_is_shown_with_what_counts_instead() -> None:
    assert MODEL.state("kling-v3", AROUND).trouble is None
    state = MODEL.state("sora-2", AROUND)
    assert (state.name, state.plain, state.trouble) == ("`sora-2`", "sora-2", "It has gone.")


# ---- Lists of rules


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("blood", "blood"),
        ("blood* | No violence ; *gore", "blood* | No violence\n*gore"),
        ("blood ;  ; blood", "blood"),
        ("a;b", "a;b"),
        ("none", None),
    ],
)
def test_rules_are_typed_on_one_line(typed: str, kept: str | None) -> None:
    assert WORDS.read(typed, AROUND) == kept


@pytest.mark.parametrize("typed", ["", " ", " ; ", "a*b", "!!", "x" * 4_001])
def test_what_is_no_word_is_refused(typed: str) -> None:
    with pytest.raises(Unfit):
        WORDS.read(typed, AROUND)


def test_a_pattern_that_is_none_is_refused_with_the_reason() -> None:
    with pytest.raises(Unfit, match=r"^cannot be that\. Line 2 is no pattern: missing \)\.$"):
        PATTERNS.read("fine ; (", AROUND)
    assert PATTERNS.read("(a|b)", AROUND) == "(a|b)"


def test_how_many_rules_there_are_is_shown_and_the_books_know_the_first() -> None:
    assert WORDS.state("blood\ngore | No", AROUND).name == "`2 rules`"
    assert WORDS.state("blood | No", AROUND).plain == "1 rule (blood)"
    assert WORDS.state("\n".join(["blood"] * 9), AROUND).plain == (
        "9 rules (blood, blood, blood, blood, blood, blood…)"
    )
    assert [offer.label for offer in WORDS.offers("blood", AROUND)] == ["1 rule · refused", "none · fine"]
    assert suggested(WORDS, "a*b") == ["none"]
