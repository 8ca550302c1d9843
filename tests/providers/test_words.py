"""What vendors say, made fit for members."""

from typing import Any

import pytest
from hypothesis import strategies as st

from bot.providers.words import sentence, words_of
from tests.fuzzed import fuzzed


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("a face", "a face."),
        ("a face?", "a face?"),
        ("\u5931\u8d25\u3002", "\u5931\u8d25\u3002"),
        ("too   small\nand\x00 dark\u202e", "too small and dark."),
        ("see https://discord.gg/evil now", "see (link) now."),
        ("see HTTPS://Discord.gg/evil", "see (link)."),
        ("see discord.gg/evil or www.evil.example", "see (link) or (link)."),
        ("[here](https://evil.example)", "[here]((link)."),
        ("discord://-/invite/evil and ftp+x://a/b", "(link) and (link)."),
        ("key sk-abc123 is bad", "key (key) is bad."),
        ("Bearer eyJa.b-c.d_e", "(key)."),
        (f"key {'0a' * 32} is bad", "key (key) is bad."),
        ("model/mode(kling-v2-5-turbo/std), v2.1/pro", "model/mode(kling-v2-5-turbo/std), v2.1/pro."),
        ("request 798b860e-98c2-4e8e-8c50-550bcfc2eccc", "request 798b860e-98c2-4e8e-8c50-550bcfc2eccc."),
        ("x" * 299, "x" * 299 + "."),
        ("x" * 300, "x" * 299 + "…"),
        ("x" * 5000, "x" * 299 + "…"),
        ("", ""),
        (" \n", ""),
        (None, ""),
        (7, ""),
        (["a"], ""),
    ],
)
def test_foreign_text_becomes_one_harmless_sentence(said: Any, words: str) -> None:
    assert words_of(said) == words


@fuzzed("vendors' words", said=st.text() | st.text().map(lambda text: f"see https://{text} sk-{text}"))
def test_words_are_bounded_and_on_one_line(said: str) -> None:
    words = words_of(said)
    assert len(words) <= 300
    assert words.isprintable()


def test_a_reason_is_given_only_where_there_is_one() -> None:
    assert sentence("It went wrong", "") == "It went wrong."
    assert sentence("It went wrong", "a face.") == "It went wrong: a face."
