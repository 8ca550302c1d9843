"""Links that only this installation can have made."""

import pytest

from bot.services.links import Signer

SECRET = "of the installation"
GIVEN = {
    "originals": (7, "jIdAuM2zU9iSRXHuE21uPL57unybJ_jxWJvc0GOBu3A"),
    "exports": ("a" * 64, "t-LVs9m2i5a3tUxiMvJK2ApuJ7EJAtvz51JWsKw3fbw"),
    "paintings": (7, "gzb-xC2CHcdTdOYAtJXmNQ5UQKz6thL8C-SZW2HfhpY"),
}
"""What earlier versions have signed, until the moment 1000."""


@pytest.mark.parametrize(("purpose", "given"), GIVEN.items())
def test_links_that_were_given_stay_valid(purpose: str, given: tuple[str | int, str]) -> None:
    thing, signature = given
    signer = Signer(purpose, secret=SECRET)
    assert signer.sign(thing, 1000) == signature
    assert signer.knows(thing, 1000, signature)


def test_a_link_is_good_for_its_thing_its_moment_its_purpose_and_its_installation() -> None:
    signer = Signer("paintings", secret=SECRET)
    signature = signer.sign(7, 1000)
    assert not signer.knows(8, 1000, signature)
    assert not signer.knows(7, 1001, signature)
    assert not Signer("originals", secret=SECRET).knows(7, 1000, signature)
    assert not Signer("paintings", secret="of another").knows(7, 1000, signature)


@pytest.mark.parametrize("signature", ["", "x", "\u00e4" * 43, "\ud800" * 43, "\0" * 5000])
def test_what_is_no_signature_is_known_by_nobody(signature: str) -> None:
    assert not Signer("paintings", secret=SECRET).knows(7, 1000, signature)
