"""Why somebody who signs in at an identity provider does not come in, in words that tell nothing of what the provider sent."""

from __future__ import annotations

from typing import Literal

from tagcast.features.core.errors import NotAllowedError
from tagcast.features.core.messages import Message, msg

Reason = Literal[
    "begun_elsewhere", "denied", "unreachable", "rejected", "algorithm", "signature", "expired", "issuer", "audience", "nonce",
    "malformed", "no_name", "unverified_email", "no_role", "several_roles",
]  # fmt: skip

_SENTENCES: dict[Reason, Message] = {
    "begun_elsewhere": msg("This sign-in was begun in another window, or too long ago. Try again."),
    "denied": msg("The identity provider did not let you in, or you cancelled the sign-in."),
    "unreachable": msg(
        "The identity provider does not answer. Try again in a few minutes; whoever has a password here can use it."
    ),
    "rejected": msg(
        "The identity provider did not accept this console. Ask your administrator to check client_id, client_secret and the "
        "address for the way back."
    ),
    "algorithm": msg("The token was refused: it is signed in a way that is not accepted."),
    "signature": msg("The token was refused: it is not signed with a key of the identity provider."),
    "expired": msg(
        "The token was refused: its time is over or has not come yet. Try again; if it stays so, the clocks of the servers differ."
    ),
    "issuer": msg("The token was refused: another identity provider made it."),
    "audience": msg("The token was refused: it was made for another application."),
    "nonce": msg("The token was refused: it belongs to another sign-in. Try again."),
    "malformed": msg("The token was refused: it cannot be read, or something is missing in it."),
    "no_name": msg("The identity provider does not say who you are: the claim under name_claim is missing."),
    "unverified_email": msg("The identity provider has not verified your email address."),
    "no_role": msg(
        "You are known to the identity provider, but no group of yours has access here. Ask your administrator."
    ),
    "several_roles": msg(
        "Your groups have roles here of which none includes the others. Ask your administrator for one group with the role you need."
    ),
}


class SignInRefusedError(NotAllowedError):
    """Somebody does not come in.

    Parameters
    ----------
    reason : str
        What is logged; it names no one.
    name : str
        Who it is, where the provider has proven it; for the audit log.
    """

    def __init__(self, reason: Reason, *, name: str = "") -> None:
        super().__init__(_SENTENCES[reason])
        self.reason, self.name = reason, name
