"""Discord's OpenAPI document, prepared for checking requests: found, corrected, made strict and fast."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias, cast

Json: TypeAlias = dict[str, Any]

SCHEMAS = "#/components/schemas/"

_FLAG = {"type": ["boolean", "null"]}
_FILE_TYPES = {
    "type": ["array", "null"],
    "maxItems": 10,
    "items": {"type": "string", "pattern": r"^(image|video|audio|\.[A-Za-z0-9]+)$"},
}
_KEPT_ATTACHMENT: Json = {
    "proxy_url": {"type": "string"},
    "size": {"type": "integer"},
    "url": {"type": "string"},
    "spoiler": _FLAG,
    "height": {"type": ["integer", "null"]},
    "width": {"type": ["integer", "null"]},
    "content_type": {"type": ["string", "null"]},
}
ADDED_KEYS: Mapping[str, Json] = {
    # In the documentation, missing from the document.
    "ApplicationCommandCreateRequest": {"nsfw": _FLAG},
    "ApplicationCommandUpdateRequest": {"nsfw": _FLAG},
    "ApplicationCommandPatchRequestPartial": {"nsfw": _FLAG},
    # Newer than the document.
    "ApplicationCommandAttachmentOption": {"file_types": _FILE_TYPES},
    "FileUploadComponentForModalRequest": {"file_types": _FILE_TYPES},
    # discord.py sends these, and Discord does not look at them.
    "MessageEditRequestPartial": {"tts": _FLAG},
    "IncomingWebhookUpdateRequestPartial": {"tts": _FLAG},
    "IncomingWebhookUpdateForInteractionCallbackRequestPartial": {"tts": _FLAG},
    "BaseCreateMessageCreateRequest": {"tts": _FLAG},
    "CreateForumThreadRequest": {"type": {"const": 11}},
    "RichEmbed": {"flags": {"type": "integer"}},
    "MessageAttachmentRequest": _KEPT_ATTACHMENT,
}
_COMMANDS = tuple(name for name in ADDED_KEYS if name.startswith("ApplicationCommand") and "Request" in name)


def find_document() -> Path | None:
    """Where Discord's OpenAPI document is, or None when it is not beside this repository."""
    document = Path(__file__).parents[1] / "../shared/discord/openapi.json"
    return document.resolve() if document.is_file() else None


def read(document: Path) -> Json:
    """The document with its mistakes corrected and its objects closed; only paths and schemas are left."""
    return _prepared(json.loads(document.read_text(encoding="utf-8")))


def _prepared(document: Json) -> Json:
    schemas: Json = document["components"]["schemas"]
    for name, keys in ADDED_KEYS.items():
        schemas[name]["properties"] = keys | schemas[name]["properties"]
    schemas["MessageReferenceType"] = {"enum": [0, 1]}  # 1 forwards, and is in the documentation
    schemas["SnowflakeType"] = {"anyOf": [schemas["SnowflakeType"], {"type": "integer", "minimum": 0}]}
    for name in _COMMANDS:
        permissions = schemas[name]["properties"]["default_member_permissions"]
        schemas[name]["properties"]["default_member_permissions"] = {
            "anyOf": [permissions, {"type": "string", "pattern": "^[0-9]+$"}]
        }
    return {
        "paths": {path: _with_bodies(item, schemas) for path, item in document["paths"].items()},
        "components": {"schemas": {name: strict(schema, schemas) for name, schema in schemas.items()}},
    }


def _with_bodies(item: Json, schemas: Json) -> Json:
    return {
        key: {**value, "requestBody": strict(value["requestBody"], schemas)}
        if isinstance(value, dict) and "requestBody" in value
        else value
        for key, value in item.items()
    }


def strict(node: Any, schemas: Json, *, is_part: bool = False) -> Any:
    """A copy of a schema whose objects take no key that they do not name.

    The parts of an `allOf` stay open, because each knows only its own keys: the whole is closed instead.
    """
    if isinstance(node, list):
        return [strict(entry, schemas) for entry in cast("list[Any]", node)]
    if not isinstance(node, dict):
        return node
    schema = cast("Json", node)
    if "enum" in schema:  # its allOf names the wider enumeration, at a cost on every component
        schema = {key: value for key, value in schema.items() if key != "allOf"}
    is_split = len(schema.get("allOf", ())) > 1
    closed = {
        key: _strict_key(key, value, schemas, is_part=is_part or is_split) for key, value in schema.items()
    }
    if is_split and not is_part:
        closed.setdefault("unevaluatedProperties", False)
    elif "properties" in schema and not is_part:
        closed.setdefault("additionalProperties", False)
    return _quick(closed, schemas)


def _strict_key(key: str, value: Any, schemas: Json, *, is_part: bool) -> Any:
    if key == "properties":
        return {name: strict(inner, schemas) for name, inner in value.items()}
    if key in {"allOf", "anyOf", "oneOf"} and is_part:
        return [strict(_resolved(part, schemas), schemas, is_part=True) for part in value]
    return strict(value, schemas)


def _resolved(schema: Any, schemas: Json) -> Any:
    reference: str = schema.get("$ref", "")
    return schemas[reference.removeprefix(SCHEMAS)] if reference else schema


def _quick(schema: Json, schemas: Json) -> Json:
    """The same schema with lists of constants as an `enum`, and alternatives that differ in `type` as `if`s.

    It is several times as fast, and its errors are those of the alternative that was meant.
    """
    for key in ("oneOf", "anyOf"):
        rest = {name: value for name, value in schema.items() if name != key}
        branches: list[Any] = schema.get(key, [])
        if branches and all("const" in branch for branch in branches):
            return {**rest, "enum": [branch["const"] for branch in branches]}
        if len(branches) > 1 and (chosen := _by_type(branches, schemas)):
            return {**rest, "allOf": [*rest.get("allOf", ()), chosen]}
    return schema


def _by_type(branches: list[Any], schemas: Json) -> Json | None:
    types = [_types(branch, schemas) for branch in branches]
    kinds = [kind for own in types for kind in own]
    if not all(types) or len(set(kinds)) < len(kinds):
        return None
    known = {"type": "object", "required": ["type"], "properties": {"type": {"enum": kinds}}}
    pairs = zip(types, branches, strict=True)
    ifs = [{"if": {"properties": {"type": {"enum": own}}}, "then": branch} for own, branch in pairs]
    return {"if": known, "then": {"allOf": ifs}, "else": known}


def _types(branch: Any, schemas: Json) -> list[int]:
    resolved: Json = _resolved(branch, schemas)
    is_required = "type" in resolved.get("required", ())
    return resolved["properties"]["type"].get("enum", []) if is_required else []
