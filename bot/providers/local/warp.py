"""Planes of pixels seen through homographies: the Python side of warp.wat."""

import array
import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path
from typing import TYPE_CHECKING

import wasmtime

from bot.providers.local.camera import Matrix, scaling
from bot.providers.local.camera import product as combine

if TYPE_CHECKING:
    from typing_extensions import Buffer

PHASES = 32
UNIT = 1 << 14  # the sum of a kernel's weights
PAGE_BYTES = 65536


@dataclass(frozen=True)
class Plane:
    """A plane of the picture in the machine's memory, woven; its pixels span 0..1 both ways."""

    address: int
    cells: int
    width: int
    height: int


@dataclass(frozen=True)
class Canvas:
    """A plane to draw on, in the machine's memory; `stride` bytes a row."""

    address: int
    width: int
    height: int
    stride: int

    @property
    def size(self) -> int:
        """Its bytes, padding included."""
        return self.stride * self.height

    def part(self, left: int, top: int, width: int, height: int) -> "Canvas":
        """A part of it to draw on: `left` and `width` are multiples of 16, within the stride."""
        return Canvas(self.address + top * self.stride + left, width, height, self.stride)

    def shaped(self, width: int, height: int) -> "Canvas":
        """Its memory as a smaller canvas; the width is a multiple of 16."""
        return Canvas(self.address, width, height, width)


class Warper:
    """The machine that draws planes; one for a clip, used from one thread."""

    def __init__(self, *, max_width: int) -> None:
        engine = wasmtime.Engine()
        self._store = wasmtime.Store(engine)
        module = wasmtime.Module(engine, Path(__file__).with_name("warp.wat").read_text("utf-8"))
        exports = wasmtime.Instance(self._store, module, []).exports(self._store)
        memory = exports["memory"]
        assert isinstance(memory, wasmtime.Memory)
        self._memory = memory
        self._weave, self._warp, self._fade = (_function(exports, name) for name in ("weave", "warp", "fade"))
        self._blend, self._restore = (_function(exports, name) for name in ("blend", "restore"))
        self._used = 0
        self._found = self._allocate(8 * (max_width + 4))
        self._kernels = self._put(kernels())

    def plane(self, pixels: bytes, width: int, height: int) -> Plane:
        """Take in a plane of 8-bit pixels, row by row."""
        cells = -(-(width + 4) // 16) * 16
        right = cells - width - 1
        rows = [pixels[start:end] for start, end in pairwise(range(0, width * height + 1, width))]
        padded = [row[:1] + row + row[-1:] * right for row in (rows[0], *rows, *rows[-1:] * 5)]
        woven = self._allocate(4 * cells * (height + 3))
        mark = self._used
        source = self._put(b"".join(padded))
        self._weave(self._store, source, cells, height + 3, woven)
        self._used = mark  # the rows are woven; their room is free again
        return Plane(woven, cells, width, height)

    def canvas(self, width: int, height: int, stride: int) -> Canvas:
        """Make room for a plane to draw; the stride is a multiple of 16 and at least the width."""
        return Canvas(self._allocate(stride * height), width, height, stride)

    def draw(self, plane: Plane, canvas: Canvas, view: Matrix) -> None:
        """Draw the plane as `view` shows it, which takes the canvas's pixel indices to the picture's 0..1."""
        # pixel 0 has its middle at half a pixel
        phases = combine(
            scaling(plane.width * PHASES, plane.height * PHASES, -PHASES / 2, -PHASES / 2),
            view,
        )
        self._warp(
            self._store,
            *(
                plane.address,
                plane.cells,
                float((plane.width - 1) * PHASES),
                float((plane.height - 1) * PHASES),
            ),
            *(self._kernels, self._found, canvas.address, canvas.stride, canvas.width, canvas.height),
            *phases,
        )

    def fade(self, canvas: Canvas, over: Canvas, part: int) -> None:
        """Mix `part` of 256 of `over`, of the same shape, into the canvas."""
        self._fade(self._store, canvas.address, over.address, canvas.size, part)

    def blend(self, canvas: Canvas, over: Canvas, alpha: Canvas) -> None:
        """Lay `over` upon the canvas, as much of each pixel as `alpha` says, of 255; both have the same stride.

        The canvas's width is a multiple of 16, or else its padding is drawn on as well.
        """
        pitch, width = over.stride, -(-canvas.width // 16) * 16
        self._blend(
            self._store,
            *(canvas.address, canvas.stride, over.address, alpha.address, pitch, width, canvas.height),
        )

    def restore(self, canvas: Canvas, source: Canvas) -> None:
        """Make the canvas show what another of its shape shows."""
        self._restore(self._store, canvas.address, source.address, canvas.size)

    def copy(self, canvas: Canvas, target: "Buffer") -> None:
        """Copy the canvas into writable memory of its size."""
        start = ctypes.addressof(self._memory.data_ptr(self._store).contents) + canvas.address
        drawn = (ctypes.c_ubyte * canvas.size).from_address(start)
        memoryview(target)[:] = memoryview(drawn).cast("B")

    def _allocate(self, size: int) -> int:
        start = -(-self._used // 64) * 64
        self._used = start + size + 64  # a vector may be read past the end
        missing = self._used - self._memory.data_len(self._store)
        if missing > 0:
            self._memory.grow(self._store, -(-missing // PAGE_BYTES))
        return start

    def _put(self, data: bytes) -> int:
        start = self._allocate(len(data))
        self._memory.write(self._store, data, start)
        return start


def _function(exports: Mapping[str, object], name: str) -> wasmtime.Func:
    function = exports[name]
    assert isinstance(function, wasmtime.Func)
    return function


def kernels() -> bytes:
    """The 4 x 4 weights of every pair of phases, as warp.wat reads them: cubic (Catmull-Rom), exact in sum."""
    lines = [_cubic(phase / PHASES) for phase in range(PHASES)]
    table = array.array("h")
    for down, across in product(lines, lines):
        weights = [round(UNIT * x * y) for x in across for y in down]
        weights[weights.index(max(weights))] += UNIT - sum(weights)
        table.extend(weights)
    return table.tobytes()


def _cubic(t: float) -> tuple[float, float, float, float]:
    """The weights of the four pixels around a position `t` after the second one."""
    return (
        (-t + 2 * t**2 - t**3) / 2,
        (2 - 5 * t**2 + 3 * t**3) / 2,
        (t + 4 * t**2 - 3 * t**3) / 2,
        (t**3 - t**2) / 2,
    )
