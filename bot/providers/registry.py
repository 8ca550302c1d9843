"""The providers there are: a new one is one file and one line here."""

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import aiohttp

from bot.domain.models import ModelSpec
from bot.domain.provider import Provider
from bot.providers import aimlapi, kling, kling_calls, kling_signing, onemin
from bot.providers.download import Downloads
from bot.providers.http import Account
from bot.providers.local import machine
from bot.providers.local import provider as local
from bot.settings import Settings, SettingsInvalid

Changed = Callable[[str, str], None]
"""Called with a provider's name and a task id when a task may have moved on."""


SignIn = Callable[[], Mapping[str, str]]

_MEMORY_PER_CLIP_BYTES = 500_000_000
"""Twice what a render takes at most: the bot, its decoders, and disks in memory have the other half."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """What an account is spoken to over."""

    session: aiohttp.ClientSession
    now_ms: Callable[[], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared(Wire):
    """What providers have in common; whoever made it closes it."""

    tasks: asyncio.TaskGroup
    downloads: Downloads
    changed: Changed


def _kling_sign_in(settings: Settings, now_ms: Callable[[], int]) -> SignIn:
    if settings.kling_api_key:
        return kling_signing.api_key(_secret(settings, "kling_api_key"))
    access_key, secret_key = _secret(settings, "kling_access_key"), _secret(settings, "kling_secret_key")
    return kling_signing.jwt(access_key, secret_key, now_ms=now_ms)


SIGN_INS: Mapping[str, Callable[[Settings, Callable[[], int]], SignIn]] = {
    "kling": _kling_sign_in,
    "kkiai": lambda settings, _: kling_signing.api_key(_secret(settings, "kkiai_api_key")),
    "aimlapi": lambda settings, _: aimlapi.bearer(_secret(settings, "aimlapi_api_key")),
    "onemin": lambda settings, _: onemin.api_key(_secret(settings, "onemin_api_key")),
}
"""What makes the headers that hold the key, by provider."""


def _kling(settings: Settings, shared: Shared) -> Provider:
    return kling.KlingProvider(
        account("kling", settings, shared),
        flavour=kling_calls.OFFICIAL,
        downloads=shared.downloads,
        concurrency=settings.kling_concurrency,
    )


def _kkiai(settings: Settings, shared: Shared) -> Provider:
    return kling.KlingProvider(
        account("kkiai", settings, shared),
        flavour=kling_calls.KKIAI,
        downloads=shared.downloads,
        concurrency=settings.kkiai_concurrency,
    )


def _aimlapi(settings: Settings, shared: Shared) -> Provider:
    return aimlapi.AimlapiProvider(
        account("aimlapi", settings, shared),
        downloads=shared.downloads,
        concurrency=settings.aimlapi_concurrency,
    )


def _onemin(settings: Settings, shared: Shared) -> Provider:
    return onemin.OneminProvider(
        account("onemin", settings, shared),
        downloads=shared.downloads,
        concurrency=settings.onemin_concurrency,
    )


def _local(settings: Settings, shared: Shared) -> Provider:
    cores = machine.cores() if settings.is_shared else os.cpu_count() or 1
    at_once = min(settings.local_concurrency, cores)
    if settings.is_shared:  # whoever comes first takes of all workers' slots what it can
        at_once = min(at_once, max(1, machine.memory_bytes() // _MEMORY_PER_CLIP_BYTES))
    return local.LocalProvider(
        settings.data_dir / "local",
        concurrency=settings.local_concurrency,
        threads=cores // at_once,
        shared_at_once=at_once if settings.is_shared else None,
        tasks=shared.tasks,
        changed=lambda task_id: shared.changed("local", task_id),
    )


PROVIDERS: Mapping[str, Callable[[Settings, Shared], Provider]] = {
    "kling": _kling,
    "kkiai": _kkiai,
    "aimlapi": _aimlapi,
    "onemin": _onemin,
    "local": _local,
}

WIRES: Mapping[str, Mapping[str, frozenset[str] | None]] = {
    "kling": kling_calls.WIRE,
    "kkiai": kling_calls.WIRE,
    "aimlapi": aimlapi.WIRE,
    "onemin": onemin.WIRE,
    "local": local.WIRE,
}
"""What rows of the catalogue may say in `wire`, by provider; None stands for any text."""

CALLS_BACK = frozenset({"kling", "kkiai"})
"""Those that tell of a task's end where they were asked to."""


def names(settings: Settings) -> tuple[str, ...]:
    """The configured providers, the preferred one first; the local renderer also where it only makes drafts."""
    return tuple(dict.fromkeys((*settings.provider_order, *(("local",) if settings.makes_drafts else ()))))


def build(settings: Settings, shared: Shared) -> dict[str, Provider]:
    """Those, made."""
    return {name: PROVIDERS[name](settings, shared) for name in names(settings)}


def wire_problems(specs: Iterable[ModelSpec]) -> list[str]:
    """What no provider would understand in rows of the catalogue: sentences that begin with the model's id."""
    return [f"{spec.id}: {problem}" for spec in specs for problem in _wire_problems(spec)]


def session() -> aiohttp.ClientSession:
    """A session for API calls, each on a connection of its own.

    On a reused one that the other side has just closed, nobody could tell whether a create arrived.
    """
    connector = aiohttp.TCPConnector(force_close=True, limit=0)
    return aiohttp.ClientSession(connector=connector, trust_env=False, cookie_jar=aiohttp.DummyCookieJar())


def _wire_problems(spec: ModelSpec) -> Iterator[str]:
    wire = WIRES.get(spec.provider)
    if wire is None:
        yield f"there is no provider {spec.provider}; it can be {_or(WIRES)}."
    elif spec.wire and not wire:
        yield f"{spec.provider} takes no wire; leave it out."
    else:
        for name, value in spec.wire.items():
            if name not in wire:
                yield f"in wire, {name!r} is nothing that {spec.provider} knows; it knows {_or(map(repr, sorted(wire)))}."
            elif (possible := wire[name]) is not None and value not in possible:
                yield f"in wire, {name!r} cannot be {value!r}; it can be {_or(map(repr, sorted(possible)))}."


def _or(words: Iterable[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def account(name: str, settings: Settings, shared: Wire) -> Account:
    """The account at a provider whose key is set.

    Raises:
        SettingsInvalid: what is set is no key.
    """
    sign_in = SIGN_INS[name](settings, shared.now_ms)
    base_url: str = getattr(settings, f"{name}_base_url")
    return Account(shared.session, base_url=base_url, sign_in=sign_in, now_ms=shared.now_ms)


def _secret(settings: Settings, name: str) -> str:
    """The key in a setting, as it can stand in a header.

    Raises:
        SettingsInvalid: it cannot; a stray line break would end the header.
    """
    value = getattr(settings, name)
    secret = value.get_secret_value().strip() if value is not None else ""
    if not secret or not secret.isascii() or not secret.isprintable():
        raise SettingsInvalid(f"{name.upper()} does not look like a key; copy it again into .env.")
    return secret
