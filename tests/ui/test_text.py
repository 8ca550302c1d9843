import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.ui.text import counted, cut, inline, mention, plain, progress_bar, prose, quoted, thread_name

NASTY = st.sampled_from(
    [
        *("@everyone", "@here", "<@1>", "<@!1>", "<@&1>", "<#1>", "</go:1>", "<:x:1>", "<a:x:1>", "<t:1:R>"),
        *("`", "```", "**", "__", "||", "~~", "[a](https://x.example)", "# ", "> ", "\\"),
        *(
            "\n",
            "\r\n",
            "\u2028",
            "\u202e",
            "\u2066",
            "\u200b",
            "\u200d",
            "\ufeff",
            "\x00",
            "\x1b[31m",
            "\ud800",
        ),
        *(" ", "\t", "漢字", "é"),
    ]
)
TEXTS = st.lists(NASTY | st.text(max_size=5)).map("".join)
ACTIVE = re.compile(r"@everyone|@here|<(?:[@#/:]|a:|t:|id:)")


def is_calm(text: str) -> bool:
    """On one line, with nothing that turns the direction or cannot be seen."""
    return all(
        unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} or char == "\u2060" for char in text
    )


@given(TEXTS)
def test_plain_text_is_on_one_line_and_says_nothing_in_secret(text: str) -> None:
    said = plain(text)
    assert is_calm(said)
    assert said == " ".join(said.split())
    assert plain(said) == said


@given(TEXTS, st.integers(1, 400))
def test_quoted_text_is_one_block_of_code_that_nothing_leaves(text: str, length: int) -> None:
    block = quoted(text, length=length)
    inside = block.removeprefix("```\n").removesuffix("\n```")
    assert block == f"```\n{inside}\n```"
    assert "`" not in inside
    assert is_calm(inside)
    assert 1 <= len(inside) <= length
    inside.encode()


@given(TEXTS, st.integers(1, 100))
def test_inline_text_is_one_piece_of_code_that_nothing_leaves(text: str, length: int) -> None:
    piece = inline(text, length=length)
    assert re.fullmatch(r"`[^`\n]+`", piece)
    assert is_calm(piece)
    assert len(piece) <= length + 2


@given(TEXTS)
@example("` `")
@example("@everyone")
@example("\u200b")
def test_a_thread_has_a_name_that_discord_takes_and_that_calls_nobody(text: str) -> None:
    name = thread_name(text, otherwise="Clip 7")
    assert 1 <= len(name) <= 100
    assert name.strip() == name
    assert is_calm(name)
    assert not ACTIVE.search(name)
    assert "@" not in name
    assert "`" not in name


def test_a_thread_is_named_after_the_prompt_where_it_has_words() -> None:
    assert thread_name("The boat\ndrifts", otherwise="Clip 7") == "The boat drifts"
    assert thread_name("` `", otherwise="Clip 7") == "Clip 7"
    assert thread_name("", otherwise="Clip 7") == "Clip 7"


@given(TEXTS, st.integers(1, 300))
def test_a_foreign_sentence_calls_nobody_and_formats_nothing(text: str, length: int) -> None:
    said = prose(text, length=length)
    assert is_calm(said)
    assert not ACTIVE.search(said)
    assert "`" not in said
    assert not re.search(r"[*_~|#\[\]()>]", re.sub(r"\\.", "", said))
    assert len(said) <= 2 * length


def test_a_plain_sentence_stays_as_it_is() -> None:
    assert (
        prose("The picture could not be read; try a JPEG.", length=300)
        == "The picture could not be read; try a JPEG."
    )


@given(st.text(), st.integers(1, 50))
def test_a_cut_text_keeps_to_its_length_and_says_that_it_is_cut(text: str, length: int) -> None:
    shorter = cut(text, length)
    assert len(shorter) <= length
    assert shorter == text if len(text) <= length else shorter.endswith("…")


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 credits"), (1, "1 credit"), (2, "2 credits"), (12_345, "12,345 credits")]
)
def test_numbers_are_readable(number: int, words: str) -> None:
    assert counted(number, "credit") == words


def test_a_member_is_mentioned_unless_they_were_forgotten() -> None:
    assert mention(100) == "<@100>"
    assert mention(-1) == "a forgotten member"


def test_an_irregular_plural_is_told() -> None:
    assert (counted(1, "entry", "entries"), counted(2, "entry", "entries")) == ("1 entry", "2 entries")


@given(st.floats(allow_nan=False) | st.just(0.5), st.integers(1, 20))
def test_a_bar_is_as_wide_as_it_was_told_whatever_the_provider_says(fraction: float, width: int) -> None:
    bar, percent = progress_bar(fraction, width=width).split()
    assert len(bar) == width
    assert 0 <= int(percent.removesuffix("%")) <= 100


def test_a_bar_fills_from_the_left() -> None:
    assert [progress_bar(done, width=4) for done in (0, 0.5, 1)] == ["▱▱▱▱ 0%", "▰▰▱▱ 50%", "▰▰▰▰ 100%"]
