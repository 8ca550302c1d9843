import pytest

from bot.ui.shots import MAX_SHOT_CHARACTERS, ShotsUnclear, shots_of
from bot.ui.storyboard import MAX_TEXT


@pytest.mark.parametrize(
    "text",
    [
        "3 | The boat leaves\n2 | A wave",
        "3|The boat leaves\n2|A wave\n",
        "\n  3s |   The boat leaves  \n\n 2 sec | A wave\n",
        "3 seconds | The boat leaves\r\n02 | A wave",
    ],
)
def test_shots_are_lines_of_seconds_and_words(text: str) -> None:
    shots = shots_of(text)
    assert [(shot.duration_s, shot.prompt) for shot in shots] == [(3, "The boat leaves"), (2, "A wave")]


def test_what_happens_may_hold_a_bar() -> None:
    assert shots_of("3 | left | right")[0].prompt == "left | right"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Write at least one line"),
        (" \n\t\n", "Write at least one line"),
        ("3 | a\nThe boat", "Line 2 cannot be read: `The boat`. Write the seconds"),
        ("3 | a\n\n| b", "Line 3 cannot be read"),
        ("3 | a\n-2 | b", "Line 2 cannot be read"),
        ("2.5 | a", "Line 1 cannot be read"),
        ("\u0663 | a", "Line 1 cannot be read"),
        ("3 |", "Line 1: say after the | what happens"),
        ("3 | a\n0 | b", "Line 2: a shot lasts 1 to 60 seconds, not 0"),
        ("61 | a", "not 61"),
        ("31 | a\n30 | b", "The shots last 61 seconds together"),
        (f"3 | {'x' * 513}", "Line 1 has 513 characters after the |, and 512 are the most"),
        ("1 | a\n" * 7, "Line 7 is one too many"),
        ("\n" + "1 | a\n" * 8, "Line 8 is one too many"),
    ],
)
def test_a_line_that_is_wrong_is_named(text: str, said: str) -> None:
    with pytest.raises(ShotsUnclear) as refusal:
        shots_of(text)
    assert said in str(refusal.value)


def test_six_full_shots_fit_the_field() -> None:
    text = "\n".join(f"10 | {'x' * MAX_SHOT_CHARACTERS}" for _ in range(6))
    assert len(text) <= MAX_TEXT
    assert len(shots_of(text)) == 6
