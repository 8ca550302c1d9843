"""Why a clip was not made, as its members read it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.domain.reasons import retold
from bot.language import speaking

PROVIDERS = Path(__file__).parents[2] / "bot" / "providers"


@pytest.mark.parametrize(
    ("kept", "german"),
    [
        ("The provider lost the job.", "Der Anbieter hat den Auftrag verloren."),
        ("Kling could not make this clip.", "Kling konnte diesen Clip nicht machen."),
        (
            "Kling could not make this clip: The picture is: blurred.",
            "Kling konnte diesen Clip nicht machen: The picture is: blurred.",
        ),
        (
            "The operator's account at AI/ML API has no credit left.",
            "Das Konto des Betreibers bei AI/ML API hat kein Guthaben mehr.",
        ),
        ("Something from a year ago.", "Something from a year ago."),
        ("", ""),
    ],
)
def test_a_reason_is_kept_in_english_and_retold(kept: str, german: str) -> None:
    assert retold(kept) == kept
    with speaking("de"):
        assert retold(kept) == german


@pytest.mark.parametrize("path", sorted(PROVIDERS.glob("*.py")), ids=lambda path: path.stem)
def test_every_reason_that_a_provider_gives_is_known(path: Path) -> None:
    with speaking("de"):
        for reason in given(path):
            assert retold(reason) != reason, reason


def given(path: Path) -> Iterator[str]:
    """What a file hands to `Rejected` and `Failed`, with something in each place."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name("Rejected" | "Failed"), args=[said, *_]):
                yield from _sentences(said)
            case ast.FunctionDef(name="_refusal" | "_unsuitable"):
                returned = [one.value for one in ast.walk(node) if isinstance(one, ast.Return)]
                for said in filter(None, returned):
                    yield from _sentences(said, ends=node.name == "_refusal")
            case _:
                pass


def _sentences(said: ast.expr, *, ends: bool = True) -> Iterator[str]:
    match said:
        case ast.Constant(str(text)):
            yield text if ends else f"{text}: why."
        case ast.JoinedStr(values):
            text = "".join(str(one.value) if isinstance(one, ast.Constant) else "Kling" for one in values)
            yield text if ends else f"{text}: why."
        case ast.Call(func=ast.Name("sentence"), args=[ast.JoinedStr() | ast.Constant() as what, _]):
            yield from _sentences(what, ends=False)
        case _:
            return
