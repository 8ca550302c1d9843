"""Whether an MP4 has come to its end, told by its outermost boxes while it passes by (ISO/IEC 14496-12, 4.2).

Where a server does not say how long a file is, a connection that breaks looks like its end, and half of a clip plays.
"""

_SHORT_HEAD_BYTES = 8  # size, kind
_LONG_HEAD_BYTES = 16  # likewise, and the size again, where it does not fit


class Boxes:
    """Follows the boxes of a file that is fed in pieces; what is no MP4, or says that it goes on to the end, is let be."""

    def __init__(self) -> None:
        self._head = b""
        self._left = 0
        self._is_first = True
        self._is_followed = True

    def feed(self, piece: bytes) -> None:
        """The next bytes."""
        rest = memoryview(piece)
        while rest and self._is_followed:
            if self._left:
                step = min(self._left, len(rest))
                self._left -= step
            else:
                step = min(self._head_bytes - len(self._head), len(rest))
                self._head += bytes(rest[:step])
                self._begin()
            rest = rest[step:]

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing of the box that was begun last."""
        return not (self._is_followed and self._left)

    @property
    def _head_bytes(self) -> int:
        return _LONG_HEAD_BYTES if self._head[:4] == b"\0\0\0\1" else _SHORT_HEAD_BYTES

    def _begin(self) -> None:
        """Begin a box, once its head is there."""
        if len(self._head) < self._head_bytes:
            return
        size_bytes = int.from_bytes(self._head[8:] or self._head[:4], "big")
        is_box = size_bytes >= len(self._head) and (not self._is_first or self._head[4:8] == b"ftyp")
        self._is_followed, self._is_first = is_box, False
        self._left = size_bytes - len(self._head)
        self._head = b""
