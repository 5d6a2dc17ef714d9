"""Who looks and who acts."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What an account may do; each role may do what the roles before it may.

    A viewer looks. An operator also retries, replays and runs sweeps. An editor also edits and accepts
    rules.
    """

    VIEWER = "viewer"
    OPERATOR = "operator"
    EDITOR = "editor"

    def may(self, needed: Role) -> bool:
        """Whether this role suffices where ``needed`` is asked for."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who looks or acts. ``name`` is what the log of acts shows; ``how`` says by which way the
    account was recognized: "local", "users", "oidc", "proxy", "token" or "command line"."""

    name: str
    role: Role
    how: str


def on_command_line() -> Account:
    """The account of whoever runs a verb: who can run verbs on the machine may do everything."""
    return Account(f"command line on {socket.gethostname()}", Role.EDITOR, "command line")
