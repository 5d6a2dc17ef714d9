"""Secrets: as text, or where they are, in a variable, a file or a credential of systemd."""

from __future__ import annotations

import os
from typing import Any

from pydantic import SecretStr

from sync.domain import secrets
from sync.settings.reading import Secrets, now, path_of
from sync.telemetry import keep_secret
from sync.toml import Wrong

# Stands in for any secret that is absent.
_STAND_IN = SecretStr("stand-in")

# How a table says where a secret is.
WAYS = ("env", "file", "credential")


def is_pointer(value: Any) -> bool:
    """Whether a value is a table that says where a secret is: ``{ env = "NAME" }``."""
    return isinstance(value, dict) and len(value) == 1 and set(value) <= set(WAYS)


def secret_word(value: Any) -> SecretStr:
    """A secret that is sent as it is: visible ASCII characters, without spaces."""
    return checked(read_secret(value))


def key_text(value: Any) -> SecretStr:
    """A secret that signs and is never sent: visible ASCII characters and spaces."""
    return checked(read_secret(value), spaces=True)


def password(value: Any) -> SecretStr:
    """A secret that a person chose: any visible characters and spaces."""
    return checked(read_secret(value), spaces=True, letters=True)


def checked(secret: SecretStr, **allowed: bool) -> SecretStr:
    """The secret without the white space around it. Raises Wrong, which names the character at fault
    and never the secret."""
    if secret is _STAND_IN:
        return secret
    text = secret.get_secret_value()
    keep_secret(text)
    found = secrets.oddity(text, **allowed)
    if found and now().secrets is not Secrets.UNNEEDED:
        raise Wrong(
            f"has {found}, which no such secret has",
            "Copy the secret once more, by itself and as plain text.",
        )
    return SecretStr(secrets.stripped(text))


def read_secret(value: Any) -> SecretStr:
    """What stands for a secret: plain text, ``{ env = "NAME" }``, ``{ file = "path" }`` or
    ``{ credential = "name" }``; a stand-in where one may take the place of an absent secret."""
    if isinstance(value, SecretStr):
        return value
    if isinstance(value, str):
        return SecretStr(value)
    shape = 'Write it as text, as { env = "NAME" } or as { file = "path" }.'
    if not isinstance(value, dict) or len(value) != 1:
        raise Wrong("must be a secret", shape)
    ((how, where),) = value.items()
    if how not in WAYS or not isinstance(where, str) or not where:
        raise Wrong(f"{{ {how} = … }} is no way to give a secret", shape)
    try:
        return SecretStr(_READERS[how](where))
    except Wrong as wrong:
        if now().secrets is Secrets.UNNEEDED:
            return SecretStr("")
        if not stood_in(value, wrong):
            raise
        return _STAND_IN


def stood_in(value: Any, wrong: Wrong) -> bool:
    """Whether a stand-in may take the place of a secret that is absent. If so, the secret is
    recorded as absent."""
    how = now()
    if how.secrets is Secrets.STOOD_IN:
        how.absent.append((value, wrong))
    return how.secrets is Secrets.STOOD_IN


def is_stand_in(secret: SecretStr) -> bool:
    """Whether this is no secret but what stands in for an absent one."""
    return secret == _STAND_IN


def address(value: Any, stand_in: str) -> str:
    """A secret address without the white space around it; ``stand_in`` where it is absent."""
    found = read_secret(value)
    return stand_in if found is _STAND_IN else secrets.stripped(found.get_secret_value())


def _in_variable(name: str) -> str:
    if name not in os.environ:
        raise Wrong(
            f"the environment variable {name} is not set",
            f'Set {name}, or give the secret as a file: {{ file = "path" }}.',
        )
    return os.environ[name]


def _in_file(name: str) -> str:
    path = path_of(name)
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise Wrong(
            f"the file {path} cannot be read ({why})",
            "Put the secret in that file, readable by the account that runs ticket-sync.",
        ) from error


def _in_credential(name: str) -> str:
    """The secret that systemd has put into a file for this process."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder or "/" in name:
        why = f"{name!r} is a path" if folder else "CREDENTIALS_DIRECTORY is not set"
        raise Wrong(
            f"the credential {name} cannot be read ({why})",
            "Have systemd load it: write LoadCredential=NAME:/path into the unit, and NAME here.",
        )
    return _in_file(os.path.join(folder, name))


_READERS = {"env": _in_variable, "file": _in_file, "credential": _in_credential}
