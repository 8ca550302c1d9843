"""Does what a Dockerfile says without a container engine: in a folder that becomes the root, by chroot and mounts.

The stages begin with this machine's /usr and Python instead of the base image's. The rest is as written: RUN, COPY past
.dockerignore, ENV, USER; and what comes of it is started as compose.yaml does, by a user without rights, on a tree that
cannot be written but for the volume and /tmp.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

from tests.deploy.files import pairs

_FROM_HERE = ("usr", "dev", "proc", "sys")
_LINKED = ("bin", "sbin", "lib", "lib64")
_OF_ETC = (
    "passwd",
    "group",
    "shadow",
    "gshadow",
    "hosts",
    "resolv.conf",
    "nsswitch.conf",
    "ld.so.cache",
    "pip.conf",
)
_PYTHON = "/python"
"""Where the stages find what the base image has in /usr/local."""
_CACHE = Path.home() / ".cache" / "pip"

Instruction = tuple[str, str]


def instructions(text: str) -> list[Instruction]:
    """Name and operands of each, comments and line ends aside."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    return [
        (name.upper(), rest.strip())
        for name, _, rest in (line.partition(" ") for line in joined.splitlines() if line)
    ]


@dataclass
class Image:
    """A root, and how it is to be started."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict[str, str])
    user: str = "0:0"
    folder: str = "/"
    volume: str = ""
    entrypoint: list[str] = field(default_factory=list[str])
    command: list[str] = field(default_factory=list[str])
    health: list[str] = field(default_factory=list[str])
    stop_signal: str = ""
    labels: dict[str, str] = field(default_factory=dict[str, str])

    def started(self, volume: Path, secrets: Path, **environment: str) -> list[str]:
        """The command line that starts it, and stays its process."""
        mounts = [
            f"mount --bind {self.root} {self.root}",
            *_mounts(self.root),
            f"mount -o remount,ro,bind {self.root}",
            f"mount --bind {volume} {self.root}{self.volume}",
            f"mount --bind {secrets} {self.root}/run/secrets",
            f"mount -t tmpfs -o size=512m,mode=1777,noexec,nosuid,nodev tmpfs {self.root}/tmp",
        ]
        inside = shlex.join(self._as_user([*self.entrypoint, *self.command], environment))
        return _apart([*mounts, f"exec chroot {self.root} {inside}"])

    def beside(self, pid: int, command: Sequence[str], **environment: str) -> list[str]:
        """The command line that runs something in a container that was started, as its own user."""
        return ["nsenter", f"--target={pid}", "--mount", "--root", *self._as_user(command, environment)]

    def _as_user(self, command: Sequence[str], environment: Mapping[str, str]) -> list[str]:
        uid, _, gid = self.user.partition(":")
        rights = ["--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
        told = [f"{name}={value}" for name, value in (self.environment | dict(environment)).items()]
        return ["/usr/bin/setpriv", f"--reuid={uid}", f"--regid={gid}", *rights, "/usr/bin/env", "-i", f"--chdir={self.folder}", *told, *command]  # fmt: skip


class Builder:
    """Builds the last stage of a Dockerfile."""

    def __init__(self, context: Path, folder: Path, arguments: Mapping[str, str]) -> None:
        self._context = context
        self._folder = folder
        self._arguments = dict(arguments)
        self._allowed = {
            line[1:] for line in (context / ".dockerignore").read_text().splitlines() if line[:1] == "!"
        }
        self._stages: dict[str, Image] = {}
        self._image = Image(folder)

    def build(self, dockerfile: str) -> Image:
        """Follow each instruction; one that is not known here is an error."""
        for name, operands in instructions(dockerfile):
            getattr(self, f"_{name.lower()}")(operands)
        return self._image

    def _from(self, operands: str) -> None:
        root = self._folder / f"stage-{len(self._stages)}"
        _furnish(root)
        name = operands.partition(" AS ")[2] or str(len(self._stages))
        self._image = self._stages[name] = Image(
            root, {"PATH": f"{_PYTHON}/bin:/usr/bin:/bin:/usr/sbin:/sbin"}
        )

    def _arg(self, operands: str) -> None:
        name, _, usual = operands.partition("=")
        self._arguments.setdefault(name, usual)

    def _env(self, operands: str) -> None:
        self._image.environment |= self._pairs(operands)

    def _label(self, operands: str) -> None:
        self._image.labels |= self._pairs(operands)

    def _pairs(self, operands: str) -> dict[str, str]:
        found = pairs(operands)
        return {name: Template(value).substitute(self._arguments) for name, value in found.items()}

    def _run(self, operands: str) -> None:
        root, cached = self._image.root, re.match(r"--mount=type=cache,target=(\S+)\s+", operands)
        mounts = _mounts(root)
        if cached:
            _CACHE.mkdir(parents=True, exist_ok=True)
            (root / cached[1][1:]).mkdir(parents=True, exist_ok=True)
            mounts.append(f"mount --bind {_CACHE} {root}{cached[1]}")
            operands = operands[cached.end() :]
        inherited = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))}
        told = shlex.join(f"{name}={value}" for name, value in (inherited | self._image.environment).items())
        step = f"exec chroot {root} /usr/bin/env -i HOME=/root {told} /bin/sh -c {shlex.quote(operands)}"
        done = subprocess.run(_apart([*mounts, step]), capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"RUN {operands}\n{done.stdout}{done.stderr}"

    def _copy(self, operands: str) -> None:
        words = operands.split()
        origin = self._context
        if words[0].startswith("--from="):
            origin = self._stages[words.pop(0).removeprefix("--from=")].root
        else:
            assert set(words[:-1]) <= self._allowed, f".dockerignore keeps {words[:-1]} from the builder"
        source, target = origin / words[0].lstrip("/"), self._image.root / words[1].lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if origin is not self._context:
            shutil.copytree(source, target, symlinks=True, copy_function=os.link)
        elif source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.po", "*.pot"))
        else:
            shutil.copy2(source, target)

    def _workdir(self, operands: str) -> None:
        self._image.folder = operands

    def _user(self, operands: str) -> None:
        self._image.user = operands

    def _volume(self, operands: str) -> None:
        self._image.volume = operands

    def _expose(self, operands: str) -> None:
        assert operands == self._image.environment["WEB_PORT"]

    def _stopsignal(self, operands: str) -> None:
        self._image.stop_signal = operands

    def _healthcheck(self, operands: str) -> None:
        self._image.health = json.loads(operands.partition("CMD ")[2])

    def _entrypoint(self, operands: str) -> None:
        self._image.entrypoint = json.loads(operands)

    def _cmd(self, operands: str) -> None:
        self._image.command = json.loads(operands)


def _apart(steps: Sequence[str]) -> list[str]:
    """A shell whose mounts nobody else sees."""
    return ["unshare", "--mount", "sh", "-ec", "\n".join(steps)]


def _mounts(root: Path) -> list[str]:
    here = [f"mount --rbind /{name} {root}/{name}" for name in _FROM_HERE]
    prefix = Path(sys.base_prefix)
    if not prefix.is_relative_to("/usr"):
        here.append(f"mount --rbind {prefix} {root}{prefix}")
    certificates = [f"mount --bind /etc/{name} {root}/etc/{name}" for name in ("ssl", "ca-certificates") if Path("/etc", name).exists()]  # fmt: skip
    return [*here, *certificates]


def _furnish(root: Path) -> None:
    for name in (
        *_FROM_HERE,
        "etc/ssl",
        "etc/ca-certificates",
        "root",
        "opt",
        "run/secrets",
        "var",
        sys.base_prefix[1:],
    ):
        (root / name).mkdir(parents=True, exist_ok=True)
    (root / "tmp").mkdir(mode=0o1777)
    for name in _LINKED:
        if Path("/", name).is_symlink():
            (root / name).symlink_to(Path("/", name).readlink())
    for name in _OF_ETC:
        if Path("/etc", name).exists():
            shutil.copy2(Path("/etc", name), root / "etc" / name)
    made = _apart([*_mounts(root), f"exec chroot {root} {sys.base_prefix}/bin/python3 -m venv {_PYTHON}"])
    subprocess.run(made, check=True)
