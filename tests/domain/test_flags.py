import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain.flags import KNOWN, FlagsUnclear, escaped, read, without_mention

WORDS = st.text(st.sampled_from('ab -\u2014\u2013\\=.,\n"\u201cz') | st.characters(), max_size=60)
SAFE = st.lists(st.from_regex(r"[a-z]{1,8}", fullmatch=True), max_size=6).map(" ".join)


@pytest.mark.parametrize(
    ("text", "prompt", "chosen"),
    [
        ("a boat", "a boat", {}),
        ("a boat --duration 10 leaves", "a boat leaves", {"duration": 10}),
        ("--duration 10s a boat", "a boat", {"duration": 10}),
        ("a boat --duration=10", "a boat", {"duration": 10}),
        ("a --model v2.1 boat", "a boat", {"model": "v2.1"}),
        ("a --camera zoom 5 boat", "a boat", {"camera": "zoom", "camera_amount": 5.0}),
        ("a --camera zoom -2.5", "a", {"camera": "zoom", "camera_amount": -2.5}),
        ("a --camera zoom boat", "a boat", {"camera": "zoom"}),
        ("a --camera down-back 5 boats", "a 5 boats", {"camera": "down_back"}),
        ("a --quality PRO boat", "a boat", {"quality": "pro"}),
        ("a --aspect 9:16", "a", {"aspect": "9:16"}),
        ("a --provider Kling boat", "a boat", {"provider": "kling"}),
        ("a --guidance 0,5", "a", {"guidance": 0.5}),
        ("a --voices x,y boat", "a boat", {"voices": "x,y"}),
        ('a --negative "blur, mud" boat', "a boat", {"negative": "blur, mud"}),
        ("a --negative \u201cblur, mud\u201d boat", "a boat", {"negative": "blur, mud"}),
        ("a --negative blur, mud --draft", "a", {"negative": "blur, mud", "draft": True}),
        ("a --draft boat --spoiler --sound --watermark", "a boat", dict.fromkeys(
            ("draft", "spoiler", "sound", "watermark"), True)),
        ("a --Draft, please", "a please", {"draft": True}),
        ("a \u2014draft boat", "a boat", {"draft": True}),
        ("a \u2014 b \u2014loop -- c --> --- d -e", "a \u2014 b \u2014loop -- c --> --- d -e", {}),
        (r"say \--draft aloud", "say --draft aloud", {}),
        ("well--draft it", "well--draft it", {}),
        ("first\nsecond\n--draft", "first\nsecond", {"draft": True}),
    ],
)  # fmt: skip
def test_a_text_is_taken_apart(text: str, prompt: str, chosen: dict[str, object]) -> None:
    found = read(text)
    assert (found.prompt, found.chosen) == (prompt, chosen)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a --loop", "There is no flag `--loop`; there are `--duration`, `--model`"),
        ("a --drafts", "There is no flag `--drafts`"),
        ("a --" + "x" * 500, "There is no flag `--" + "x" * 32 + "`;"),
        ("a --draft --draft", "`--draft` stands there twice"),
        ("a --duration", "Behind `--duration` belongs a number of seconds."),
        ("a --duration soon", "Behind `--duration` belongs"),
        ("a --duration 2.5", "Behind `--duration` belongs"),
        ("a --duration --draft", "Behind `--duration` belongs"),
        ("a --model", "Behind `--model` belongs"),
        ("a --camera", "Behind `--camera` belongs"),
        ("a --negative", "Behind `--negative` belongs"),
        ('a --negative ""', "Behind `--negative` belongs"),
        ("a --guidance much", "Behind `--guidance` belongs a number from 0 to 1."),
        ("a --guidance nan", "Behind `--guidance` belongs"),
    ],
)
def test_what_makes_no_sense_is_named(text: str, said: str) -> None:
    with pytest.raises(FlagsUnclear) as refusal:
        read(text)
    assert said in str(refusal.value)


def test_the_known_flags_are_named_to_who_used_another() -> None:
    with pytest.raises(FlagsUnclear) as refusal:
        read("--loop")
    assert all(f"`--{name}`" in str(refusal.value) for name in KNOWN)


@given(WORDS)
def test_any_text_is_understood_or_refused_in_words(text: str) -> None:
    try:
        found = read(text)
    except FlagsUnclear as refusal:
        found, said = None, str(refusal)
    else:
        said = ""
    assert (found is None) == bool(said)
    assert len(said) < 500
    if found:
        assert len(found.prompt) <= len(text)
        assert set(found.chosen) <= {*KNOWN, "camera_amount"}


@given(WORDS)
@example(r"say \--draft")
@example(r"\\--draft")
@example("--draft=--draft")
def test_an_escaped_prompt_comes_back_as_it_was(text: str) -> None:
    found = read(escaped(text))
    assert (found.prompt, found.chosen) == (text.strip(), {})


@given(before=SAFE, after=SAFE, seconds=st.integers(1, 60), is_draft=st.booleans())
def test_flags_are_understood_wherever_they_stand(
    *, before: str, after: str, seconds: int, is_draft: bool
) -> None:
    flags = f"--duration {seconds} {'--draft' if is_draft else ''}"
    found = read(f"{before} {flags} {after}")
    assert found.prompt == f"{before} {after}".strip()
    assert found.chosen == {"duration": seconds, **({"draft": True} if is_draft else {})}


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("<@7> a boat", "a boat"),
        ("a <@!7> boat", "a boat"),
        ("a boat<@7>", "a boat"),
        ("<@7>", ""),
        ("<@77> a boat", "<@77> a boat"),
        ("<@7> <@8> dance", "<@8> dance"),
    ],
)
def test_the_mention_is_no_part_of_the_prompt(text: str, left: str) -> None:
    assert without_mention(text, 7) == left
