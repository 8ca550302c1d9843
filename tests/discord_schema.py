"""Checks requests against Discord's own OpenAPI document.

The document is not part of this repository. It is Discord's, MIT licensed, and read from
`../shared/discord/openapi.json` beside the repository when it is there. Where it is absent, `observer()`
returns None: then nothing is checked here, and whoever asked has to skip with `ABSENT`, so that the test
report says so. Payload rules that the document does not hold are in `bot.sandbox.rules`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.discord_document import SCHEMAS, Json, find_document, read

__all__ = ["ABSENT", "DiscordSchema", "Observer", "Request", "find_document", "load", "observer"]

ABSENT = "Discord's OpenAPI document is not at ../shared/discord/openapi.json, so requests are not checked."
_BASE = "urn:discord"
_MAX_FILES = 10
_MAX_WORDS = 200


class Request(Protocol):
    """A request as the sandbox reports it."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def body(self) -> object: ...
    @property
    def files(self) -> Sequence[object]: ...


@dataclass(frozen=True)
class _Operation:
    method: str
    template: str
    validator: Draft202012Validator | None  # None where no body is taken
    needs_body: bool
    takes_files: bool


@dataclass(frozen=True)
class _Path:
    template: str
    segments: tuple[str, ...]
    ids: frozenset[str]  # the parameters that are snowflakes

    def arguments(self, segments: Sequence[str]) -> dict[str, str] | None:
        """The parameters' values when the path fits, otherwise None."""
        found: dict[str, str] = {}
        for wanted, given in zip(self.segments, segments, strict=True):
            if wanted.startswith("{"):
                found[wanted[1:-1]] = given
            elif wanted != given:
                return None
        return found


class DiscordSchema:
    """Discord's document, made strict: a key that no schema names is a problem.

    What the document gets wrong, or does not know yet, is accepted: see `ADDED_KEYS`, ids written as
    integers, and `default_member_permissions` written as a text.
    """

    def __init__(self, document: Path) -> None:
        prepared = read(document)
        self._paths: Json = prepared["paths"]
        self._registry = Registry[Any]().with_resource(_BASE, Resource(prepared, DRAFT202012))
        self._operations: dict[tuple[str, str], _Operation] = {}
        self._by_length: dict[int, list[_Path]] = {}
        for template, item in self._paths.items():
            segments = tuple(template.strip("/").split("/"))
            path = _Path(template, segments, _ids(item))
            self._by_length.setdefault(len(segments), []).append(path)
        for paths in self._by_length.values():  # `@me` before `{user_id}`
            paths.sort(key=lambda path: sum(segment.startswith("{") for segment in path.segments))

    def problems(self, method: str, path: str, body: object, files: Sequence[object] = ()) -> list[str]:
        """Say what the document does not allow in this request.

        The path may bring `/api/v10` and a query string; neither is checked. `body` is the decoded JSON,
        in a multipart request that of `payload_json`; None without one.
        """
        found = self._find(path)
        if found is None:
            return [f"{method} {path}: Discord has no such path."]
        template, arguments = found
        if method.lower() not in self._paths[template.template]:
            return [f"{method} {template.template}: Discord has no such method there."]
        operation = self._operation(method.lower(), template.template)
        wrong_ids = (
            f"{name} in the path is not an id: {value!r}"
            for name, value in arguments.items()
            if name in template.ids and not value.isdecimal()
        )
        texts = (
            *wrong_ids,
            *_file_problems(operation, files),
            *_body_problems(operation, body, has_files=bool(files)),
        )
        return [f"{method} {template.template}: {text}." for text in texts]

    def _find(self, path: str) -> tuple[_Path, dict[str, str]] | None:
        plain = re.sub(r"^/api(/v\d+)?(?=/)", "", path.partition("?")[0])
        segments = plain.strip("/").split("/")
        for candidate in self._by_length.get(len(segments), ()):
            arguments = candidate.arguments(segments)
            if arguments is not None:
                return candidate, arguments
        return None

    def _operation(self, method: str, template: str) -> _Operation:
        key = method, template
        if key not in self._operations:
            self._operations[key] = self._compiled(method, template)
        return self._operations[key]

    def _compiled(self, method: str, template: str) -> _Operation:
        body: Json = self._paths[template][method].get("requestBody", {})
        content: Json = body.get("content", {})
        validator = None
        if content:
            media_type = "application/json" if "application/json" in content else next(iter(content))
            keys = ("paths", template, method, "requestBody", "content", media_type, "schema")
            pointer = "/".join(key.replace("~", "~0").replace("/", "~1") for key in keys)
            validator = Draft202012Validator({"$ref": f"{_BASE}#/{pointer}"}, registry=self._registry)
        return _Operation(
            method, template, validator, bool(body.get("required")), "multipart/form-data" in content
        )


def _ids(item: Json) -> frozenset[str]:
    holders = [item, *(cast("Json", operation) for operation in item.values() if isinstance(operation, dict))]
    parameters: list[Json] = [parameter for holder in holders for parameter in holder.get("parameters", ())]
    return frozenset(
        parameter["name"]
        for parameter in parameters
        if parameter["in"] == "path" and parameter["schema"].get("$ref") == f"{SCHEMAS}SnowflakeType"
    )


def _file_problems(operation: _Operation, files: Sequence[object]) -> Iterator[str]:
    if files and not operation.takes_files:
        yield "files are not taken here"
    if len(files) > _MAX_FILES:
        yield f"there may be {_MAX_FILES} files, not {len(files)}"


def _body_problems(operation: _Operation, body: object, *, has_files: bool) -> Iterator[str]:
    if body is None and not has_files:
        if operation.needs_body:
            yield "the body is missing"
    elif operation.validator is None:
        yield "no body is taken here"
    else:
        validator: Any = operation.validator  # its stubs want a recursive JSON type instead of object
        errors: Iterable[ValidationError] = validator.iter_errors({} if body is None else body)
        for error in errors:
            yield from (_readable(leaf) for leaf in _leaves(error))


def _leaves(error: ValidationError) -> Iterator[ValidationError]:
    """The errors of the alternative that was most likely meant."""
    branches: dict[object, list[ValidationError]] = {}
    for inner in error.context or ():
        branches.setdefault(inner.relative_schema_path[0], []).append(inner)
    if not branches:
        yield error
        return
    for inner in min(branches.values(), key=_strangeness):
        yield from _leaves(inner)


def _strangeness(errors: Sequence[ValidationError]) -> tuple[bool, int]:
    return any(error.validator == "type" and not error.relative_path for error in errors), len(errors)


def _readable(error: ValidationError) -> str:
    place = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in error.absolute_path)
    words = error.message
    if len(words) > _MAX_WORDS:  # the value stands first and may be long; the reason stands last
        words = f"{words[: _MAX_WORDS // 4]} ... {words[-_MAX_WORDS // 2 :]}"
    return f"{place.lstrip('.') or 'the body'}: {words}"


load = cache(DiscordSchema)
"""The document at this path, read once for a test session: reading and preparing it takes a while."""


@dataclass
class Observer:
    """Takes every request of a sandbox and keeps what is wrong with it, for the end of the test."""

    schema: DiscordSchema
    problems: list[str] = field(default_factory=list[str])

    def __call__(self, request: Request) -> None:
        """Check one request."""
        self.problems += self.schema.problems(request.method, request.path, request.body, request.files)


def observer() -> Observer | None:
    """An observer for `sandbox.on_request`, or None where the document is absent: skip with `ABSENT`."""
    document = find_document()
    return Observer(load(document)) if document else None
