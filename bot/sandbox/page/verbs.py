"""What answers the questions of a window."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from bot.sandbox.page.protocol import Question
from bot.sandbox.page.window import Window

Verb: TypeAlias = Callable[[Window, Question], Awaitable[object]]
"""Acts and returns the answer's value. Raises ClientRefused or Refusal."""

Verbs: TypeAlias = Mapping[str, Verb]
