"""Content rules: what they are met by, what they are not met by, and which lists are none."""

# ruff: noqa: RUF001 - letters that look like others are what this is about

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import content
from bot.domain.content import MAX_CHARACTERS, Rule, RulesUnclear, content_rules, tidied, written
from bot.domain.patterns import Pattern, PatternInvalid
from bot.domain.requests import Options, Shot


def broken(text: str, *, words: str | None = None, patterns: str | None = None) -> str | None:
    rule = content_rules(words, patterns).broken_by(text)
    return rule and rule.thing


def problems(text: str, *, are_patterns: bool = False) -> tuple[str, ...]:
    with pytest.raises(RulesUnclear) as unclear:
        tidied(text, are_patterns=are_patterns)
    return unclear.value.problems


# ---- Words


@pytest.mark.parametrize(
    "text",
    [
        "shit",
        "a SHIT, b",
        "oh shit!",
        "shít",
        "s\u200bh\u00adi\u2060t",
        "s\ufe0fhit",
        "ѕһіт",
        "ｓｈｉｔ",
        "𝓼𝓱𝓲𝓽",
        "🇸🇭🇮🇹",
        "🅂🄷🄸🅃",
        "sh1t",
        "$h!t!!",
        "5h|7",
        "s h i t happens",
        "s.h.i.t",
        "s-h_i*t",
        "sh.it",
        "s`hit~",
        "the\nshit\nthing",
        "x" * 2_000 + " shit",
    ],
)
def test_a_word_is_met_however_it_is_dressed_up(text: str) -> None:
    assert broken(text, words="boat\nshit") == "shit"


@pytest.mark.parametrize(
    "text", ["", "shitake", "a shi t", "bullshit", "ship", "5417", "100 $", "s h i p", "the boat's hit"]
)
def test_a_word_is_met_as_a_whole_word_only(text: str) -> None:
    assert broken(text, words="shit\nass") is None


@pytest.mark.parametrize("number", ["455", "50", "1337", "80085"])
def test_a_number_is_no_word(number: str) -> None:
    assert broken(f"{number} boats", words="ass\nso\nleet\nboobs") is None


@pytest.mark.parametrize(
    ("rule", "met", "not_met"),
    [
        ("porn*", "pornography", "foodporn"),
        ("*porn", "foodporn", "pornography"),
        ("*porn*", "foodporns", "pron"),
        ("naked child*", "a naked,   children's", "naked as a child"),
        ("für", "FUR", "further"),
        ("straße", "STRASSE", "strasses"),
        ("c++", "in c++.", "c"),
        ("🍆", "an🍆!", "🍅"),
        ("👍", "👍🏽", "👎🏽"),
        ("война", "ВОЙНА!", "войнам"),
        ("*裸*", "他的裸体照片", "他的照片"),
        ("4chan", "on 4chan", "achan"),
        ("hell", "he11 yes", "hill"),
    ],
)
def test_a_rule_says_where_more_may_stand(rule: str, met: str, not_met: str) -> None:
    assert broken(met, words=rule) == rule
    assert broken(not_met, words=rule) is None


def test_the_first_rule_that_is_broken_brings_its_reason() -> None:
    rules = content_rules("gore | Not here\nblood* |  Keep it  calm ", "(gun|knife)s? | No weapons")
    assert rules.broken_by("bloody gore") == Rule("gore", "Not here")
    assert rules.broken_by("bloody guns") == Rule("blood*", "Keep it  calm")
    assert rules.broken_by("two KNIVES and a knife") == Rule("(gun|knife)s?", "No weapons", is_pattern=True)
    assert rules.broken_by("a paper boat") is None


def test_half_a_character_in_a_text_is_nothing_to_see() -> None:
    assert broken("bl\udc00ood \ud83c", words="blood") == "blood"
    assert broken("bl\udc00ood", patterns="blood") == "blood"


def test_without_rules_anything_goes() -> None:
    assert content_rules(None, None).broken_by("anything") is None
    assert content_rules("", "\n\n").broken_by("anything") is None


# ---- Patterns


@pytest.mark.parametrize("text", ["b0b the builder", "B12B", "ｂ7ｂ", "b\u200b7b"])
def test_a_pattern_sees_a_text_without_its_disguise(text: str) -> None:
    assert broken(text, patterns=r"b\d+b") == r"b\d+b"


def test_a_pattern_sees_look_alikes_as_what_they_look_like_and_as_they_are() -> None:
    assert broken("ВОВ", patterns="bob") == "bob"
    assert broken("ВОВ", patterns=r"\p{Cyrillic}") == r"\p{Cyrillic}"


def test_a_pattern_may_be_about_letters_of_any_script() -> None:
    kept = tidied(r"\pL+\d", are_patterns=True)
    assert broken("кот7", patterns=kept) == kept


def test_patterns_beside_each_other_do_not_disturb_each_other() -> None:
    patterns = "(?P<a>x)y\n(?P<a>v)w\n(?i)A|b\n^the\nend$"
    for text, thing in [("xy", "(?P<a>x)y"), ("vw", "(?P<a>v)w"), ("the", "^the"), ("the end", "^the")]:
        assert broken(text, patterns=patterns) == thing
    assert broken("not it", patterns="^the\nend$") is None


@pytest.mark.parametrize("pattern", [r"(a+)+$", r"(a|a)*b", r"(.*a){20}c", r"(?:[ab ]*a[ab ]{200}c)"])
def test_no_pattern_takes_more_than_linear_time(pattern: str) -> None:
    kept = tidied(pattern, are_patterns=True)
    text = "a" * 5_000
    began_s = time.thread_time()
    content_rules(None, kept).broken_by(text)
    assert time.thread_time() - began_s < 2


def test_large_patterns_are_known_to_take_their_time() -> None:
    assert content_rules(None, "[ab]{300}c").is_slow


def test_signs_that_stand_for_sentences_are_known_to_take_their_time() -> None:
    assert content_rules("rude", None).takes_long("\ufdfa" * 2500)
    assert content_rules("rude", None).takes_long("\ubc1f" * 700)  # each is three letters
    assert content_rules("rude", None).takes_long("a" * 2001)
    assert not content_rules("rude", None).takes_long("é" * 1000)
    assert not content_rules("word", r"b\d+b").is_slow


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(", "Line 1 is no pattern: missing )."),
        ("a)|(b", "Line 1 is no pattern: unexpected )."),
        (r"\Qa", "Line 1 is no pattern: missing )."),
        (r"(a)\1", "Line 1 is no pattern: invalid escape sequence."),
        ("(?<=a)b", "Line 1 is no pattern: invalid perl operator."),
        ("a{1001}", "Line 1 is no pattern: invalid repetition size."),
        ("(a{1000}){1000}", "Line 1 is no pattern: invalid repetition size."),
        (r"\pL{900}", "Line 1 is no pattern: pattern too large - compile failed."),
        ("\udc00", "Line 1 is no pattern: it has half a character in it."),
        ("(ab){800}", "Line 1: the pattern is too large; repeat less in it."),
        ("x*", "Line 1: the pattern fits any text; say what has to be in it."),
        ("a|", "Line 1: the pattern fits any text; say what has to be in it."),
        (r"\b", "Line 1: the pattern fits any text; say what has to be in it."),
        ("$", "Line 1: the pattern fits any text; say what has to be in it."),
    ],
)
def test_a_pattern_that_is_none_or_fits_everything_is_named(pattern: str, why: str) -> None:
    assert problems(pattern, are_patterns=True) == (why,)


def test_patterns_are_bounded_together() -> None:
    large = "\n".join(f"{letter}{{450}}x" for letter in "abcdefghij")
    assert problems(large, are_patterns=True) == (
        "The patterns are too large together; repeat less in them.",
    )


# ---- Lists


def test_a_list_is_tidied() -> None:
    text = "  boat  \n\ngore |  Why not  \n boat \r\nx |\n"
    assert tidied(text, are_patterns=False) == "boat\ngore | Why not\nx |"
    assert tidied(" \n\n", are_patterns=False) is None
    assert content.count(tidied(text, are_patterns=False)) == 3
    assert content.count(None) == 0


def test_every_line_that_is_wrong_is_named() -> None:
    assert problems("fine\na*b\n!!\nfine | " + "r" * 201) == (
        "Line 4: a reason has at most 200 characters.",
        "Line 2: `*` stands at the beginning or at the end only.",
        "Line 3: there is no letter, digit or sign in it.",
    )
    assert problems("x" * (MAX_CHARACTERS + 1)) == ("A list has at most 4000 characters.",)
    assert problems("\n".join(f"w{number}" for number in range(201))) == ("A list has at most 200 rules.",)
    assert len(problems("fine\n(\n[", are_patterns=True)) == 2


@pytest.mark.parametrize("text", ["fine\n*\n**\na*b", "("])
def test_what_another_version_kept_does_not_stop_the_rest(text: str) -> None:
    assert broken("fine", words=text, patterns="(\nfine") == "fine"


def test_all_that_was_written_counts() -> None:
    options = Options(
        prompt="one",
        negative_prompt="two",
        shots=(Shot(prompt="three", duration_s=2), Shot(prompt="four", duration_s=3)),
    )
    assert written(options).splitlines() == ["one", "two", "three", "four"]


# ---- Anything


@given(st.text(max_size=300), st.text(max_size=60), st.text(max_size=40))
def test_a_list_that_is_taken_can_be_applied_to_any_text(text: str, words: str, patterns: str) -> None:
    try:
        kept = tidied(words, are_patterns=False), tidied(patterns, are_patterns=True)
    except RulesUnclear:
        return
    content_rules(*kept).broken_by(text)
    assert tuple(tidied(one or "", are_patterns=number == 1) for number, one in enumerate(kept)) == kept


@given(st.text(min_size=1, max_size=30), st.text(max_size=20), st.text(max_size=20))
def test_a_word_that_is_taken_is_found_in_its_own_text(word: str, before: str, after: str) -> None:
    try:
        kept = tidied(word, are_patterns=False)
    except RulesUnclear:
        return
    if kept and " | " not in kept and "\n" not in kept:
        assert broken(f"{before} {kept.strip('*')} {after}", words=kept) == kept


@given(st.text(max_size=30))
def test_a_pattern_is_compiled_or_refused(text: str) -> None:
    with suppress(PatternInvalid):
        Pattern(text).is_in("some text")
