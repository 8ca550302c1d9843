import pytest
from PIL import Image, ImageChops

from bot.providers.local.title import Palette, card, fitted, wrapped
from bot.providers.local.typeface import Typeface, typeface_for

SIZE = (640, 360)


def ink_box(picture: Image.Image) -> tuple[int, int, int, int] | None:
    """Where the letters are: they alone are nearly white."""
    return picture.convert("L").point([0] * 200 + [255] * 56).getbbox()


def test_the_same_words_make_the_same_card_and_others_another() -> None:
    first, again, other = (card(words, SIZE, (1, 1)) for words in ("A boat", "A boat", "A train"))
    assert ImageChops.difference(first, again).getbbox() is None
    assert ImageChops.difference(first, other).getbbox() is not None
    assert Palette.of("A boat") != Palette.of("A train")


@pytest.mark.parametrize("words", ["Sea", "A paper boat drifts under the bridge", "word " * 500, "x" * 300])
@pytest.mark.parametrize("seen", [(1.0, 1.0), (0.6, 0.7)])
@pytest.mark.parametrize("size", [SIZE, (360, 640), (360, 360)])
def test_the_words_stay_inside_what_is_always_seen(
    words: str, seen: tuple[float, float], size: tuple[int, int]
) -> None:
    box = ink_box(card(words, size, seen))
    assert box is not None
    left, top, right, bottom = box
    assert left > size[0] * (1 - seen[0]) / 2
    assert right < size[0] * (1 + seen[0]) / 2
    assert top > size[1] * (1 - seen[1]) / 2
    assert bottom < size[1] * (1 + seen[1]) / 2


def test_the_words_stand_out_from_the_field() -> None:
    for number in range(20):
        palette = Palette.of(str(number))
        field = card("🦊" if number % 2 else " ", SIZE, (1, 1)).convert("L")
        brightest = field.getextrema()[1]
        assert isinstance(brightest, int | float)
        assert brightest < 150
        assert min(palette.ink) > 0.9


def test_a_long_text_ends_in_dots_at_a_readable_size() -> None:
    face = Typeface(None)
    size, lines = fitted(face, ("lighthouse " * 200).split(), (600, 300), 360)
    assert size > 0.05 * 360
    assert lines[-1].endswith("…")
    assert all(face.width(line) * size <= 600 for line in lines)


def test_a_short_text_is_large_and_its_lines_are_even() -> None:
    face = Typeface(None)
    size, lines = fitted(
        face, ["a", "paper", "boat", "drifts", "under", "the", "old", "bridge"], (560, 300), 360
    )
    assert size > 0.1 * 360
    widths = [face.width(line) for line in lines]
    assert min(widths) > 0.6 * max(widths)


def test_wrapping_keeps_every_word_in_order() -> None:
    words = ["one", "two", "three", "four", "five", "six"]
    widths = dict.fromkeys([*words, " "], 1.0)
    assert wrapped(words, widths, 5) == [["one", "two", "three"], ["four", "five", "six"]]


def test_words_in_letters_nobody_here_can_draw_leave_a_wordless_card() -> None:
    assert ink_box(card("\U000e0041", SIZE, (1, 1))) is None


def test_a_letter_no_face_has_loses_its_marks_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.providers.local.typeface.SYSTEM_FACES", ("No such face.ttf",))
    face, text = typeface_for("Dächer \u4e00x 🐉")
    assert text == "Dacher x "
    assert face.has("a")
    assert not face.has("\u4e00")
