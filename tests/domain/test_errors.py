import inspect
import re
from types import ModuleType

import pytest

from bot.db import errors as db_errors
from bot.domain import errors
from bot.media import errors as media_errors

MODULES = (errors, db_errors, media_errors)
_BRANCH = re.compile(r"^([ │├└─]*)([A-Z]\w+)", re.MULTILINE)


def drawn(module: ModuleType) -> dict[str, str | None]:
    """The parent of each class in the drawing of a module's docstring."""
    assert module.__doc__
    drawing = module.__doc__.partition("::\n\n")[2].partition("\n\n")[0]
    parents: dict[str, str | None] = {}
    path: list[str] = []
    for branch in _BRANCH.finditer(inspect.cleandoc(drawing)):
        depth = len(branch[1]) // 4
        path[depth:] = [branch[2]]
        parents[branch[2]] = path[depth - 1] if depth else None
    return parents


def written(module: ModuleType) -> dict[str, type[Exception]]:
    return {
        name: value
        for name, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, Exception) and value.__module__ == module.__name__
    }


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_the_tree_is_as_it_is_drawn(module: ModuleType) -> None:
    parents = drawn(module)
    assert len(parents) > 5
    bases = {name: value.__base__ for name, value in written(module).items()}
    assert {
        name: base.__name__ if base and base.__name__ in parents else None for name, base in bases.items()
    } == parents


@pytest.mark.parametrize("kind", [kind for module in MODULES for kind in written(module).values()])
def test_every_error_says_in_a_line_what_it_is(kind: type[Exception]) -> None:
    assert kind.__doc__
    assert kind.__doc__.partition("\n")[0].endswith(".")


def test_the_docstring_is_the_message_unless_there_is_a_better_one() -> None:
    assert str(errors.NoSuchJob()) == "There is no such job."
    assert str(errors.DestinationGone("Unknown Channel")) == "Unknown Channel"
    assert str(errors.NotExpressible(["One.", "Two."])) == "One. Two."
    assert str(errors.NotExpressible([])) == "No provider at hand can make this."


def test_why_a_member_is_blocked_is_not_for_everybody() -> None:
    blocked = errors.Blocked(until_ms=7, reason="spams").in_public()
    assert (blocked.until_ms, blocked.reason) == (7, None)
