"""A guild of the sandbox, for a bot in another process."""

from tests.e2e.conftest import scene

__all__ = ["scene"]
