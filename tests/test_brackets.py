from tests.brackets import outside


def test_words_outside_of_brackets_are_found() -> None:
    assert outside("⟦All of it, ⟦1⟧ too⟧ · `code` <@1> [⟦here⟧](https://a.b/c)") == []
    assert outside("⟦Some⟧ of it") == ["of", "it"]
    assert outside("⟦Cut off in the mid…") == []
