"""The tables of the pages: who did what, who is signed in, tokens of the API, edits of the rules.

Times are seconds since the epoch, as in ``sync.store.tables``. Secrets are never stored: of the id of a
session and of a token there is only the digest.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Index, Integer, String, Text
from sqlmodel import Field, SQLModel

from sync.store.tables import BigId, Json


class LogRow(SQLModel, table=True):
    """One act of a person or of a token: on a page, by the API or on the command line.

    ``act`` is the verb, ``about`` what it was done to. ``refused``: it was not done; ``words`` say why.
    """

    __tablename__ = "log"
    __table_args__ = (
        Index("ix_log_act", "act", "id"),
        Index("ix_log_account", "account", "id"),
        Index("ix_log_about", "about", "id"),
        Index("ix_log_at", "at"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    at: float = Field(sa_column=Column(Float(53), nullable=False))
    account: str = Field(sa_column=Column(String(200), nullable=False))
    act: str = Field(sa_column=Column(String(64), nullable=False))
    about: str = Field(default="", sa_column=Column(String(300), nullable=False))
    words: str = Field(default="", sa_column=Column(Text, nullable=False))
    refused: bool = Field(default=False, sa_column=Column(Boolean, nullable=False))


class WebSessionRow(SQLModel, table=True):
    """Somebody who is signed in, by the digest of the id that the browser has.

    ``granted`` is a digest of the settings that let the account in: the session ends when they change.
    """

    __tablename__ = "web_sessions"
    __table_args__ = (Index("ix_web_sessions_until", "until"),)

    hash: str = Field(sa_column=Column(String(64), primary_key=True))
    account: str = Field(sa_column=Column(String(200), nullable=False))
    role: str = Field(sa_column=Column(String(16), nullable=False))
    how: str = Field(sa_column=Column(String(16), nullable=False))
    granted: str = Field(default="", sa_column=Column(String(64), nullable=False))
    form_token: str = Field(sa_column=Column(String(64), nullable=False))
    created_at: float = Field(sa_column=Column(Float(53), nullable=False))
    until: float = Field(sa_column=Column(Float(53), nullable=False))


class ApiTokenRow(SQLModel, table=True):
    """A token of the API, by its digest. ``until`` None: it does not expire."""

    __tablename__ = "api_tokens"
    __table_args__ = (Index("ix_api_tokens_hash", "hash", unique=True),)

    name: str = Field(sa_column=Column(String(100), primary_key=True))
    hash: str = Field(sa_column=Column(String(64), nullable=False))
    role: str = Field(sa_column=Column(String(16), nullable=False))
    made_by: str = Field(sa_column=Column(String(200), nullable=False))
    created_at: float = Field(sa_column=Column(Float(53), nullable=False))
    until: float | None = Field(default=None, sa_column=Column(Float(53)))
    used_at: float | None = Field(default=None, sa_column=Column(Float(53)))


class RuleDraftRow(SQLModel, table=True):
    """An edit of the rules that somebody has not saved yet.

    ``texts`` are the changed files by name, ``removed`` the names of removed ones. ``began`` and
    ``began_texts`` say, by file, from which text the draft began: its digest, and the text.
    """

    __tablename__ = "rule_drafts"
    __table_args__ = (Index("ix_rule_drafts_account", "account"),)

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    account: str = Field(sa_column=Column(String(200), nullable=False))
    texts: dict[str, str] = Field(default_factory=dict, sa_column=Column(Json, nullable=False))
    removed: list[str] = Field(default_factory=list, sa_column=Column(Json, nullable=False))
    began: dict[str, str] = Field(default_factory=dict, sa_column=Column(Json, nullable=False))
    began_texts: dict[str, str] = Field(
        default_factory=dict, sa_column=Column(Json, nullable=False)
    )
    created_at: float = Field(sa_column=Column(Float(53), nullable=False))
    changed_at: float = Field(sa_column=Column(Float(53), nullable=False))


class RuleVersionRow(SQLModel, table=True):
    """A rule set that was in force, or an edit that was taken back: by whom and how it came, how many
    tickets it changed and made."""

    __tablename__ = "rule_versions"
    __table_args__ = (Index("ix_rule_versions_digest", "digest", "id"),)

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    digest: str = Field(sa_column=Column(String(64), nullable=False))
    at: float = Field(sa_column=Column(Float(53), nullable=False))
    account: str = Field(default="", sa_column=Column(String(200), nullable=False))
    how: str = Field(default="", sa_column=Column(Text, nullable=False))
    changed: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    made: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    texts: dict[str, str] = Field(default_factory=dict, sa_column=Column(Json, nullable=False))
