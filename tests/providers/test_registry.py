"""Which providers are built from which settings, and what they sign in with."""

import asyncio
import base64
import json
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.app import task_group
from bot.domain.models import ModelSpec
from bot.domain.provider import Provider, ProviderFault
from bot.providers import registry
from bot.providers.download import Downloads
from bot.providers.local import machine
from bot.providers.local.provider import LocalProvider
from bot.settings import KNOWN_PROVIDERS, Settings, SettingsInvalid
from tests import builders
from tests.vendors.kling import KlingVendor
from tests.vendors.vendor import Vendor

NOW_MS = 1_700_000_000_000


@pytest.fixture
async def shared() -> AsyncGenerator[registry.Shared]:
    async with (
        asyncio.TaskGroup() as tasks,
        registry.session() as session,
        Downloads(trusted_hosts=frozenset()) as downloads,
    ):
        yield registry.Shared(
            tasks=tasks,
            session=session,
            downloads=downloads,
            now_ms=lambda: NOW_MS,
            changed=lambda _name, _task: None,
        )


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def settings(tmp_path: Path) -> Any:
    def made(**known: Any) -> Settings:
        return Settings(data_dir=tmp_path, **known)

    return made


EVERY_KEY = {f"{name}_api_key": f"key-of-{name}" for name in ("kling", "kkiai", "aimlapi", "onemin")}


def test_every_provider_that_settings_know_can_be_built() -> None:
    assert tuple(registry.PROVIDERS) == KNOWN_PROVIDERS


@pytest.mark.parametrize(
    ("known", "names"),
    [
        ({}, ["local"]),
        ({"onemin_api_key": "k1", "kling_api_key": "k2"}, ["kling", "onemin", "local"]),
        (EVERY_KEY, ["kling", "kkiai", "aimlapi", "onemin", "local"]),
        (EVERY_KEY | {"providers": "onemin, kling,onemin"}, ["onemin", "kling"]),
        (EVERY_KEY | {"providers": "local,aimlapi"}, ["local", "aimlapi"]),
        ({"kling_access_key": "a", "kling_secret_key": "s"}, ["kling", "local"]),
    ],
)
async def test_what_is_configured_is_built_in_its_order(
    settings: Any, shared: registry.Shared, known: dict[str, Any], names: list[str]
) -> None:
    built = registry.build(settings(**known), shared)
    assert list(built) == names
    assert [provider.name for provider in built.values()] == names


async def test_each_provider_runs_as_many_clips_as_it_is_allowed(
    settings: Any, shared: registry.Shared
) -> None:
    limits = {f"{name}_concurrency": number for number, name in enumerate(KNOWN_PROVIDERS, start=4)}
    built = registry.build(settings(**EVERY_KEY, **limits), shared)
    assert [provider.concurrency for provider in built.values()] == [4, 5, 6, 7, 8]


async def authorization(provider: Provider, vendor: Vendor) -> str:
    """What a provider signs in with."""
    with suppress(ProviderFault):
        await provider.poll("image2video/1")
    return vendor.seen[-1].headers["Authorization"]


def claims(authorization: str) -> dict[str, Any]:
    payload = authorization.removeprefix("Bearer ").split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


async def test_a_key_is_sent_without_the_blanks_around_it(settings: Any, shared: registry.Shared) -> None:
    async with KlingVendor().serve() as vendor:
        known = settings(kling_api_key="  key-of-kling \n", kling_base_url=vendor.url)
        assert await authorization(registry.build(known, shared)["kling"], vendor) == "Bearer key-of-kling"


async def test_a_pair_of_keys_signs_a_token_that_does_not_hold_the_secret(
    settings: Any, shared: registry.Shared
) -> None:
    async with KlingVendor().serve() as vendor:
        known = settings(kling_access_key=" access ", kling_secret_key=" secret ", kling_base_url=vendor.url)
        token = await authorization(registry.build(known, shared)["kling"], vendor)
    signed = claims(token)
    assert signed["iss"] == "access"
    assert signed["nbf"] * 1000 <= NOW_MS < signed["exp"] * 1000
    assert "secret" not in json.dumps(signed)


async def test_a_key_goes_before_a_pair(settings: Any, shared: registry.Shared) -> None:
    async with KlingVendor().serve() as vendor:
        known = settings(
            kling_api_key="key-of-kling",
            kling_access_key="a",
            kling_secret_key="s",
            kling_base_url=vendor.url,
        )
        assert await authorization(registry.build(known, shared)["kling"], vendor) == "Bearer key-of-kling"


@pytest.mark.parametrize("key", ["ключ", "schlüssel"])
async def test_a_key_that_cannot_stand_in_a_header_is_named_without_being_shown(
    settings: Any, shared: registry.Shared, key: str
) -> None:
    with pytest.raises(SettingsInvalid, match=r"^AIMLAPI_API_KEY ") as raised:
        registry.build(settings(aimlapi_api_key=key), shared)
    assert key.strip() == "" or key not in str(raised.value)


async def test_a_provider_that_is_named_without_its_key_is_refused(
    settings: Any, shared: registry.Shared
) -> None:
    with pytest.raises(SettingsInvalid, match="ONEMIN_API_KEY"):
        registry.build(settings(providers="onemin"), shared)


# ---- What rows may say in `wire`


def row(provider: str, **wire: str) -> ModelSpec:
    return builders.LOCAL.model_copy(update={"provider": provider, "id": "some-model", "wire": wire})


def test_of_every_provider_it_is_known_what_rows_may_say() -> None:
    assert tuple(registry.WIRES) == tuple(registry.PROVIDERS)


@pytest.mark.parametrize("name", KNOWN_PROVIDERS)
def test_everything_that_a_provider_understands_is_well_said(name: str) -> None:
    rows = [
        row(name, **{key: value})
        for key, possible in registry.WIRES[name].items()
        for value in possible or ("whatever", "")
    ]
    assert registry.wire_problems([row(name), *rows]) == []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (
            row("aimlapi", path="legcy"),
            "some-model: in wire, 'path' cannot be 'legcy'; it can be 'legacy' or 'universal'.",
        ),
        (
            row("aimlapi", mask_name="url"),
            (
                "some-model: in wire, 'mask_name' is nothing that aimlapi knows; it knows 'camera', 'end_frame', 'key', "
                "'mask_names', 'path', 'shots', 'sound' or 'upstream'."
            ),
        ),
        (row("kkiai", mode="Omit"), "some-model: in wire, 'mode' cannot be 'Omit'; it can be 'omit'."),
        (row("onemin", path="legacy"), "some-model: onemin takes no wire; leave it out."),
        (
            row("klng"),
            "some-model: there is no provider klng; it can be kling, kkiai, aimlapi, onemin or local.",
        ),
        (row("local", **{"a\nb": "c"}), "some-model: local takes no wire; leave it out."),
        (
            row("kling", **{"a\nb": "c"}),
            (
                "some-model: in wire, 'a\\nb' is nothing that kling knows; it knows "
                "'mode', 'multi_shot', 'preset_config' or 'sound'."
            ),
        ),
    ],
)
def test_what_a_provider_would_not_understand_is_named_with_what_it_would(
    wrong: ModelSpec, words: str
) -> None:
    assert registry.wire_problems([row("kling"), wrong]) == [words]


def test_everything_that_is_wrong_is_named_in_the_order_of_the_rows() -> None:
    wrong = [row("kling", mode="x", sound="y"), row("aimlapi", shots="z")]
    assert [problem.partition("'")[2].partition("'")[0] for problem in registry.wire_problems(wrong)] == [
        "mode",
        "sound",
        "shots",
    ]


@pytest.mark.parametrize(
    ("machine_has", "at_once"), [((2, 64), 2), ((32, 4), 8), ((32, 0.25), 1), ((32, 64), 12)]
)
async def test_a_worker_renders_no_more_than_its_container_bears(
    settings: Any,
    shared: registry.Shared,
    monkeypatch: pytest.MonkeyPatch,
    machine_has: tuple[int, float],
    at_once: int,
) -> None:
    cores, gigabytes = machine_has
    monkeypatch.setattr(machine, "cores", lambda: cores)
    monkeypatch.setattr(machine, "memory_bytes", lambda: int(gigabytes * (1 << 30)))
    known = {"database_url": "postgresql://kinora@db/kinora", "local_concurrency": 12}
    async with task_group() as tasks:
        local = registry.build(settings(**known), replace(shared, tasks=tasks))["local"]
    assert isinstance(local, LocalProvider)
    assert (local.concurrency, local._shared_at_once) == (12, at_once)
