"""Models as rows in a file: `catalogue.toml`, which comes with Kinora, and the operator's `models.toml`."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from pydantic import Field, ValidationError

from bot.domain.errors import CatalogueInvalid
from bot.domain.models import ModelSpec, all_of
from bot.domain.requests import Value, first_problem

_Table: TypeAlias = dict[str, Any]


def parse(text: str, *, source: str) -> list[ModelSpec]:
    """Read rows in TOML; `source` names the file in errors.

    A table `defaults.<provider>` holds what the rows of that provider have in common.

    Raises:
        CatalogueInvalid: it is not TOML, or a row is not one.
    """
    rows, defaults = _read(text, source)
    specs = _specs(rows, defaults, source)
    _need_rows(defaults, specs, source)
    return specs


def overlaid(shipped: str, own: str, *, source: str) -> list[ModelSpec]:
    """The shipped file with the operator's laid over it; `source` names the latter in errors.

    Its rows come first and take the place of shipped ones, as in `joined`; what its `defaults` say about a
    provider goes for the shipped rows too, and the shipped defaults for its rows.

    Raises:
        CatalogueInvalid: either is not TOML, or a row is not one.
    """
    rows, defaults = _read(shipped, "catalogue.toml")
    own_rows, own_defaults = _read(own, source)
    both = {
        provider: _with(defaults.get(provider, {}), own_defaults.get(provider, {}))
        for provider in (*defaults, *own_defaults)
    }
    specs = joined(_specs(rows, both, source), _specs(own_rows, both, source))
    _need_rows(own_defaults, specs, source)
    return specs


def joined(shipped: Sequence[ModelSpec], own: Sequence[ModelSpec]) -> list[ModelSpec]:
    """The operator's own rows before the shipped ones, whose place they take where both say the same model."""
    replaced = {spec.key for spec in own}
    return [*own, *(spec for spec in shipped if spec.key not in replaced)]


class _File(Value):
    """What a file may hold, before anything is known about its rows."""

    model: tuple[_Table, ...] = ()
    defaults: dict[str, _Table] = Field(default={})


def _read(text: str, source: str) -> tuple[Sequence[_Table], Mapping[str, _Table]]:
    try:
        read = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueInvalid(f"{source} is not TOML: {error}.") from error
    if unknown := sorted(read.keys() - {"model", "defaults"}):
        raise CatalogueInvalid(f"{source}: {all_of(unknown)} is not known there; rows begin with [[model]].")
    try:
        file = _File.model_validate(read)
    except ValidationError as error:
        raise CatalogueInvalid(
            f"{source}: rows begin with [[model]], what a provider's rows have in common with "
            "[defaults.<provider>], and both hold names with values."
        ) from error
    return file.model, file.defaults


def _specs(rows: Iterable[_Table], defaults: Mapping[str, _Table], source: str) -> list[ModelSpec]:
    specs = [_row(row, defaults.get(str(row.get("provider")), {}), source) for row in rows]
    seen: set[object] = set()
    for spec in specs:
        if spec.key in seen:
            raise CatalogueInvalid(f"{source}, {spec.id}: two rows of {spec.provider} say the same model.")
        seen.add(spec.key)
    return specs


def _need_rows(defaults: Iterable[str], specs: Iterable[ModelSpec], source: str) -> None:
    """A default that goes for nothing is a misspelt one."""
    if unused := sorted(set(defaults) - {spec.provider for spec in specs}):
        raise CatalogueInvalid(f"{source}: there are defaults for {all_of(unused)}, but no row.")


def _row(row: _Table, common: _Table, source: str) -> ModelSpec:
    try:
        return ModelSpec.model_validate(_with(common, row))
    except ValidationError as error:
        named = row.get("id", "a row without an id")
        raise CatalogueInvalid(f"{source}, {named}: {first_problem(error)}") from error


def _with(common: _Table, own: _Table) -> _Table:
    """What both say, where they differ as `own` says; a price is not replaced but completed."""
    prices = [table["price"] for table in (common, own) if "price" in table]
    wrong = [price for price in prices if not isinstance(price, dict)]
    if not prices or wrong:
        return {**common, **own, **({"price": wrong[0]} if wrong else {})}
    return {**common, **own, "price": {**prices[0], **prices[-1]}}
