"""What the providers' rows in the catalogue may say in `wire`."""

import re
from collections.abc import Mapping
from importlib import resources
from types import ModuleType

import pytest

from bot.domain.rows import parse
from bot.providers import aimlapi, kling_calls, onemin
from bot.providers.local import provider as local

MODULES = {"kling": kling_calls, "kkiai": kling_calls, "aimlapi": aimlapi, "onemin": onemin, "local": local}


def understood(module: ModuleType) -> Mapping[str, frozenset[str] | None]:
    return module.WIRE


def test_rows_that_come_along_say_only_what_their_provider_understands() -> None:
    shipped = resources.files("bot.domain").joinpath("catalogue.toml").read_text(encoding="utf-8")
    for spec in parse(shipped, source="catalogue.toml"):
        known = understood(MODULES[spec.provider])
        for name, value in spec.wire.items():
            allowed = known[name]
            assert allowed is None or value in allowed, (spec.id, name)


@pytest.mark.parametrize("module", set(MODULES.values()), ids=lambda module: module.__name__)
def test_what_is_understood_stands_at_the_head_of_the_file(module: ModuleType) -> None:
    described = re.findall(r"^`(\w+)`:", module.__doc__ or "", re.MULTILINE)
    assert set(described) == set(understood(module))
