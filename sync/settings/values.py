"""The types of values in settings: durations, sizes, paths, addresses, and those of secrets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import SplitResult, quote, unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, SecretStr

from sync.domain.durations import seconds_in, written
from sync.settings.reading import Secrets, now, path_of
from sync.settings.secret import address, checked, key_text, password, secret_word
from sync.telemetry import keep_secret
from sync.toml import Wrong, said


def whole(value: Any) -> Any:
    """A whole number; true and false do not count as numbers."""
    if isinstance(value, bool):
        raise Wrong(f"must be a whole number, not {str(value).lower()}")
    return value


def parse_duration(value: Any) -> float:
    """Seconds in ``45m``, ``10s``, ``7d``, ``1h30m`` or a plain number of seconds."""
    if isinstance(value, bool):
        raise Wrong("must be a duration, not true or false", 'Write it as "45m", "10s" or "7d".')
    text = str(value).strip()
    plain = isinstance(value, int | float) or re.fullmatch(r"\d+(?:\.\d+)?", text)
    seconds = float(text) if plain else seconds_in(text)
    if seconds is None:
        raise Wrong(
            f"{said(value)} is not a duration",
            'Write it as "45m", "10s", "7d", "1h30m", or as a number of seconds.',
        )
    if not 0 <= seconds < 1e10:
        raise Wrong(
            f"{said(value)} is no duration that makes sense",
            "It must be 0 or more, and less than three centuries.",
        )
    return seconds


_SIZES = {"": 1, "b": 1, "kb": 1000, "mb": 1000**2, "kib": 1024, "mib": 1024**2, "gib": 1024**3}


def parse_size(value: Any) -> int:
    """Bytes in ``1MiB``, ``512KiB``, ``2MB`` or a plain number of bytes."""
    match = re.fullmatch(r"(\d{1,15})\s*([a-z]*)", str(value).strip().lower(), re.ASCII)
    if isinstance(value, bool) or match is None or match[2] not in _SIZES:
        raise Wrong(
            f"{said(value)} is not a size", 'Write it as "1MiB", "512KiB", or as a number of bytes.'
        )
    return int(match[1]) * _SIZES[match[2]]


def size_text(size: int) -> str:
    """Bytes in the largest unit that they are a whole number of: ``1MiB``."""
    for unit, name in ((1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB")):
        if size and size % unit == 0:
            return f"{size // unit}{name}"
    return str(size)


def one_or_many(value: Any) -> Any:
    """A list; a single entry may stand without brackets."""
    return [value] if isinstance(value, str | dict) else value


def absolute(value: Any) -> Any:
    """A path, relative to the configuration file's folder; None for an empty one."""
    if value is None or value == "":
        return None
    if not isinstance(value, str | Path):
        return value
    return path_of(value)


def web_address(value: Any) -> Any:
    """An http or https address without a trailing slash; an empty address stays empty."""
    if not isinstance(value, str) or not value:
        return value
    text = value.strip().rstrip("/")
    parts = address_parts(text)
    # An address with one of these signs may hold a password or a token, so messages leave it out.
    quoted = "this" if re.search("[@?#]", text) else said(value)
    if parts is None or parts.scheme not in ("http", "https"):
        raise Wrong(
            f"{quoted} is not a web address", 'Write it as "https://host" or "http://host:port".'
        )
    if "@" in parts.netloc:
        raise Wrong("has a user name or password in it", "Give credentials in their own settings.")
    if parts.query or parts.fragment:
        raise Wrong("has a '?' or '#' part", "Give the address up to there.")
    return text


def address_parts(text: str) -> SplitResult | None:
    """The parts of an address with a host; None for any other text."""
    try:
        parts = urlsplit(text)
        there = parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        return None
    # ``urlsplit`` silently drops line ends and tabs.
    return parts if there and text.isprintable() and " " not in text else None


def is_loopback(address: str) -> bool:
    """Whether an address leads to this machine."""
    host = (urlsplit(address).hostname or "").lower()
    return host == "localhost" or host == "::1" or host.startswith("127.")


def store_url(value: Any) -> Any:
    """The address of a database: an SQLite file gets its absolute path, PostgreSQL its driver."""
    url = address(value, "sqlite:///stand-in.db")
    if not url and now().secrets is Secrets.UNNEEDED:
        raise Wrong("is needed by this verb and could not be read", "Set the variable or file.")
    if url.startswith("sqlite:///"):
        return SecretStr(_sqlite_url(url.removeprefix("sqlite:///")))
    scheme, found, rest = url.partition("://")
    if found and scheme in ("postgres", "postgresql", "postgresql+psycopg"):
        checked(SecretStr(url), spaces=True, letters=True)
        return SecretStr(_postgresql_url(rest))
    raise Wrong(
        "is neither SQLite nor PostgreSQL",
        'Write "sqlite:///ticket-sync.db" or "postgresql+psycopg://user:password@host/name".',
    )


def optional_whole(value: Any) -> Any:
    """As ``whole``; None for no number."""
    return None if value in (None, "") else whole(value)


def optional_store_url(value: Any) -> Any:
    """As ``store_url``; None for no address."""
    return None if value in (None, "") else store_url(value)


def _sqlite_url(name: str) -> str:
    if not name or name.startswith(":memory:"):
        raise Wrong(
            "a database in memory forgets everything at the end",
            'Name a file: "sqlite:///ticket-sync.db".',
        )
    if "?" in name:
        raise Wrong(
            "has settings after a '?', which are not taken for SQLite",
            'Give the file alone: "sqlite:///ticket-sync.db". A ? in its name is written %3F.',
        )
    return f"sqlite:///{quote(str(path_of(unquote(name))), safe=' +/')}"


_ENCODE = (
    "In the user's name and the password write @ as %40, : as %3A, / as %2F, ? as %3F and % as %25; "
    'the address is then "postgresql+psycopg://user:password@host:5432/name".'
)


def _postgresql_url(rest: str) -> str:
    """The address with its driver. Messages quote no part of the address: what is read as the host may
    be the end of a password."""
    from sync.store.url import parse

    try:
        url = parse(f"postgresql+psycopg://{rest}")
    except ValueError:
        raise Wrong("has a port that is no number, or is no address at all", _ENCODE) from None
    if url.password:
        keep_secret(str(url.password))
    tail = f"{url.host or ''}{url.database or ''}{url.query}"
    if "@" in tail or not re.fullmatch(r"[^\s:/?#\[\]]*|[0-9A-Fa-f:.%]+", url.host or ""):
        raise Wrong("has an @ or another sign where the host or the database is read", _ENCODE)
    if not 0 < (url.port or 5432) < 65536:
        raise Wrong("has a port that is not from 1 to 65535", _ENCODE)
    if any("password" in key.lower() for key in url.query):
        raise Wrong("has a password after the '?', where it would be shown", _ENCODE)
    return f"postgresql+psycopg://{rest}"


def at_least(least: float) -> AfterValidator:
    """The check that a duration is not shorter than so many seconds."""

    def check(seconds: float) -> float:
        if seconds < least:
            raise Wrong(
                f"is {written(seconds)}, and must be at least {written(least)}",
                'A number without a unit counts seconds; write a unit, as in "90d", "12h" or "45m".',
            )
        return seconds

    return AfterValidator(check)


Whole = Annotated[int, BeforeValidator(whole)]
OptionalWhole = Annotated[int | None, BeforeValidator(optional_whole)]
Duration = Annotated[float, BeforeValidator(parse_duration)]
Size = Annotated[int, BeforeValidator(parse_size)]
Secret = Annotated[SecretStr, BeforeValidator(secret_word)]
SigningSecret = Annotated[SecretStr, BeforeValidator(key_text)]
Password = Annotated[SecretStr, BeforeValidator(password)]
StoreUrl = Annotated[SecretStr, BeforeValidator(store_url)]
OptionalStoreUrl = Annotated[SecretStr | None, BeforeValidator(optional_store_url)]
File = Annotated[Path | None, BeforeValidator(absolute)]
Url = Annotated[str, BeforeValidator(web_address)]
