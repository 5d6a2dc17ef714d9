"""Passwords: hashed for the configuration, and compared with what somebody typed."""

from __future__ import annotations

import secrets
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# A comparison takes about 25 ms and 19 MiB.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
SHORTEST = 10
# Longer texts would only take time.
LONGEST = 1_000


def hashed(password: str) -> str:
    """What the configuration holds of a password."""
    return _HASHER.hash(password)


def fault(password: str) -> str:
    """Why a new password is not taken, in words; "" for one that is."""
    if len(password) < SHORTEST:
        return f"A password has at least {SHORTEST} characters."
    if len(password) > LONGEST:
        return f"A password has at most {LONGEST} characters."
    return ""


def fits(password: str, hash_: str) -> bool:
    """Whether a password is the one of this hash. With "" it takes as long, and is not."""
    try:
        same = _HASHER.verify(hash_ or _of_nobody(), password[: LONGEST + 1])
    except (VerificationError, InvalidHashError):
        return False
    return bool(hash_) and same and len(password) <= LONGEST


@lru_cache(maxsize=1)
def _of_nobody() -> str:
    return hashed(secrets.token_hex())
