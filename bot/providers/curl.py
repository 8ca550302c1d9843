"""A request as a cURL command that runs once the key is filled in.

Pictures are read when the command runs (`base64 < boat.png`), and the body goes in by standard input, because
a picture is longer than a command line may be.
"""

import json
import secrets
import shlex
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

from yarl import URL

from bot.domain.requests import Picture
from bot.providers.http import Body, Call, Inline, Uploaded, filled


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
        lines.append(f"  --form {shlex.quote(f'{field}=@{_form_file(picture, inputs)}')}")
    if call.body is None:
        return " \\\n".join(lines)
    lines += ["  --header 'Content-Type: application/json'", "  --data @- <<JSON"]
    return " \\\n".join(lines) + f"\n{_document(call.body, inputs, uploaded)}\nJSON"


def _form_file(picture: Picture, inputs: Mapping[str, Path]) -> str:
    """A file as `--form` takes it; in quotes, a `;` or a `,` is part of its name (curl's manual, `--form`)."""
    path = str(inputs[picture.blob])
    if any(special in path for special in ';,"\\ '):
        path = '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{path};type={picture.media_type}"


def _document(body: Body, inputs: Mapping[str, Path], uploaded: Mapping[str, str]) -> str:
    """JSON for a here-document: what the shell would understand in it is escaped, what it must fill in is not."""
    mark = secrets.token_hex(16)  # stands in JSON for what the shell fills in; no prompt holds it
    fillings: list[str] = []

    def fill(stands_for: Inline | Uploaded) -> str:
        if isinstance(stands_for, Uploaded):
            fillings.append(f"${uploaded[stands_for.picture.blob]}")
            return mark
        fillings.append(_read(stands_for.picture, inputs))
        return stands_for.prefix + mark

    text = json.dumps(filled(body, fill), indent=2, ensure_ascii=False)
    for special in ("\\", "$", "`"):
        text = text.replace(special, "\\" + special)
    woven = zip_longest(text.split(mark), fillings, fillvalue="")
    return "".join(part + filling for part, filling in woven)


def _read(picture: Picture, inputs: Mapping[str, Path]) -> str:
    return f"$(base64 < {shlex.quote(str(inputs[picture.blob]))} | tr -d '\\n')"
