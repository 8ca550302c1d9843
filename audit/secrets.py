"""Tokens and keys that were committed: in what is tracked now, and in what ever was."""

import hashlib
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_SHAPES: Mapping[str, re.Pattern[bytes]] = {
    "a Discord token": re.compile(rb"\b[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,}"),
    "a Discord webhook": re.compile(rb"discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d{17,20}/[\w-]{60,}"),
    "an API key": re.compile(rb"\bsk-(?:\w+-){0,3}\w{20,}"),
    "an AWS key": re.compile(rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a Google key": re.compile(rb"\bAIza[\w-]{35}\b"),
    "a GitHub token": re.compile(rb"\b(?:gh[pousr]_\w{36,}|github_pat_\w{50,})"),
    "a Slack token": re.compile(rb"\bxox[abpors]-[\w-]{20,}"),
    "a JSON web token": re.compile(rb"\beyJ[\w-]{15,}\.eyJ[\w-]{15,}\.[\w-]{20,}"),
    "a webhook secret": re.compile(rb"\bwhsec_[A-Za-z0-9+/]{24,}"),
    "a private key": re.compile(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----\s+[A-Za-z0-9+/]{40,}"),
    "a setting of the bot": re.compile(
        rb"^[ \t]*(?:export )?(?:\w+_TOKEN|\w+_(?:API|SECRET|ACCESS)_KEY|\w+_WEBHOOK_SECRET)"
        rb"[ \t]*[=:][ \t]*[\"']?[\w.+/-]{24,}",
        re.MULTILINE,
    ),
}
_EXAMPLES = frozenset(
    {
        "0fcf4113376e2c068b29d4c6983eacc52bb5692f7b62d4556098f69274a536af",  # base64 of "testsecret" and so on
        "a8c140f830c5d07bf98129f233c440d8e163517e167ab4b3342ef403f403b6ff",  # signed with "a-signing-key"
        "35028b836a68e7f0d5c69c5121a7689201fd2c4c44f6bec0e20cea0adc3a33d7",  # of a bucket on the loopback, once
    }
)
"""SHA-256 of what only looks like a secret; why, beside it."""
_BINARY_WITHIN = 8000
_MOST_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class Found:
    """Something that looks like a secret, without most of it."""

    where: str
    kind: str
    begins: str

    def __str__(self) -> str:
        return f"{self.where}: {self.kind}, {self.begins}…"


def in_bytes(data: bytes, where: str) -> list[Found]:
    """What looks like a secret in a file; nothing in a binary one, as git tells them."""
    if b"\0" in data[:_BINARY_WITHIN]:
        return []
    return [
        Found(where, kind, text[:8].decode(errors="replace"))
        for kind, shape in _SHAPES.items()
        for match in shape.finditer(data)
        if hashlib.sha256(text := match[0].strip()).hexdigest() not in _EXAMPLES
    ]


def in_tree(root: Path) -> list[Found]:
    """What looks like a secret in any file that git tracks or would add, as it lies there now."""
    listed = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    paths = (root / name for name in listed.decode().split("\0") if name)
    return [
        found
        for path in paths
        if path.is_file() and not path.is_symlink()
        for found in in_bytes(path.read_bytes(), str(path.relative_to(root)))
    ]


def in_history(root: Path) -> list[Found]:
    """What looks like a secret in any file of any commit that is here; once for the same bytes."""
    found: list[Found] = []
    for name, path, data in _blobs(root):
        found += in_bytes(data, f"{path} ({name[:10]})")
    return found


def is_whole(root: Path) -> bool:
    """Whether all commits are here; a shallow clone has only the last."""
    return _git(root, "rev-parse", "--is-shallow-repository").strip() == b"false"


def _blobs(root: Path) -> Iterator[tuple[str, str, bytes]]:
    """Every file of every commit: its object's name, a path it had, its bytes."""
    listed = _git(root, "rev-list", "--objects", "--all").decode(errors="replace").splitlines()
    paths = {name: path for name, _, path in (line.partition(" ") for line in listed)}
    process = subprocess.Popen(  # noqa: S603
        [*_GIT, str(root), "cat-file", "--batch-all-objects", "--batch", "--unordered"],
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        while header := process.stdout.readline():
            name, kind, size = header.decode().split()
            data = process.stdout.read(int(size) + 1)[:-1]
            if kind == "blob" and name in paths and len(data) <= _MOST_BYTES:
                yield name, paths[name], data
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)


_GIT = ("git", "-c", "safe.directory=*", "-C")  # in a container the folder is somebody else's


def _git(root: Path, *arguments: str) -> bytes:
    return subprocess.run([*_GIT, str(root), *arguments], check=True, stdout=subprocess.PIPE).stdout  # noqa: S603
