"""Slack, and all that takes its incoming webhooks: Mattermost, Rocket.Chat, Discord (``/slack``), …"""

from __future__ import annotations

import json

from sync.adapters.notify.channel import Letter, Sent
from sync.adapters.notify.http import HttpAccess, post


class SlackChannel:
    """Posts ``{"text": …}``."""

    def __init__(self, access: HttpAccess) -> None:
        self._access = access

    def send(self, letter: Letter) -> Sent:
        """Send a message. Raises NotSent."""
        text = f"*{escaped(letter.title)}*\n{escaped(letter.text)}"
        return post(self._access, json.dumps({"text": text}).encode(), {})


def escaped(text: str) -> str:
    """A text in which nothing mentions people, links or opens an entity: ``<!channel>`` is shown."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
