"""A request as a cURL command that runs once the key is filled in.

Pictures are read when the command runs (`base64 < boat.png`), and the body goes in by standard input, because
a picture is longer than a command line may be.
"""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from yarl import URL

from bot.domain.requests import Picture
from bot.providers.http import Body, Call, Inline, Uploaded

_MARK = "\N{SYMBOL FOR SHIFT OUT}"  # stands in JSON for what the shell fills in


def commands(
    calls: Sequence[Call],
    *,
    base_url: str,
    secret_headers: Mapping[str, str],
    inputs: Mapping[str, Path],
    asset_path: str = ".",
) -> str:
    """The calls, one command each, in the order in which they are sent.

    `secret_headers` gives what stands for the key, such as `{"Authorization": "Bearer $KLING_API_KEY"}`;
    `asset_path` is where an upload's answer says what to call the picture, as jq writes it.
    """
    uploaded: dict[str, str] = {}
    written: list[str] = []
    for call in calls:
        if call.upload is not None:
            name = f"ASSET{len(uploaded) + 1}"
            uploaded[call.upload[1].blob] = name
            command = _command(call, base_url, secret_headers, inputs, uploaded)
            written.append(f"{name}=$({command} | jq -r {shlex.quote(asset_path)})")
        else:
            written.append(_command(call, base_url, secret_headers, inputs, uploaded))
    return "\n\n".join(written)


def _command(
    call: Call,
    base_url: str,
    secret_headers: Mapping[str, str],
    inputs: Mapping[str, Path],
    uploaded: Mapping[str, str],
) -> str:
    url = URL(base_url + call.path).update_query(call.query)
    lines = [f"curl --request {call.method} {shlex.quote(str(url))}"]
    lines += [f'  --header "{name}: {value}"' for name, value in secret_headers.items()]
    lines += [f"  --header {shlex.quote(f'{name}: {value}')}" for name, value in call.headers.items()]
    if call.upload is not None:
        field, picture = call.upload
        lines.append(f"  --form {shlex.quote(f'{field}=@{inputs[picture.blob]};type={picture.media_type}')}")
    if call.body is None:
        return " \\\n".join(lines)
    lines += ["  --header 'Content-Type: application/json'", "  --data @- <<JSON"]
    return " \\\n".join(lines) + f"\n{_document(call.body, inputs, uploaded)}\nJSON"


def _document(body: Body, inputs: Mapping[str, Path], uploaded: Mapping[str, str]) -> str:
    """JSON for a here-document: what the shell would understand in it is escaped, what it must fill in is not."""
    fillings: list[str] = []

    def marked(value: Inline | Uploaded) -> str:
        is_inline = isinstance(value, Inline)
        fillings.append(_read(value.picture, inputs) if is_inline else f"${uploaded[value.picture.blob]}")
        return f"{value.prefix if is_inline else ''}{_MARK}{len(fillings) - 1}{_MARK}"

    text = json.dumps(_shown(body, marked), indent=2, ensure_ascii=False)
    for special in ("\\", "$", "`"):
        text = text.replace(special, "\\" + special)
    for number, filling in enumerate(fillings):
        text = text.replace(f"{_MARK}{number}{_MARK}", filling)
    return text


def _shown(value: Any, marked: Callable[[Inline | Uploaded], str]) -> Any:
    match value:
        case Inline() | Uploaded():
            return marked(value)
        case Mapping():
            return {key: _shown(item, marked) for key, item in cast("Mapping[str, Any]", value).items()}
        case list() | tuple():
            return [_shown(item, marked) for item in cast("Sequence[Any]", value)]
        case str():
            return value.replace(_MARK, "")
        case _:
            return value


def _read(picture: Picture, inputs: Mapping[str, Path]) -> str:
    return f"$(base64 < {shlex.quote(str(inputs[picture.blob]))} | tr -d '\\n')"
