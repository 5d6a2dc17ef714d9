"""All other services, by the package apprise (an extra)."""

from __future__ import annotations

import logging

from sync.adapters.notify.channel import Letter, NotSent, Sent


class AppriseChannel:
    """Sends to one address of apprise. No word of apprise is passed on: its messages, and what it calls
    the private form of an address, show secrets that stand in headers."""

    def __init__(self, url: str) -> None:
        self._url = url

    def send(self, letter: Letter) -> Sent:
        """Send a message. Raises NotSent."""
        try:
            from apprise import Apprise, NotifyFormat
        except ImportError:
            raise NotSent(
                "the package apprise is not installed: pip install 'ticket-sync[apprise]'"
            ) from None
        _silence()
        scheme = self._url.partition("://")[0]
        service = Apprise()
        if not service.add(self._url):
            raise NotSent(f"apprise does not take this address for {scheme}")
        try:
            done = service.notify(
                body=letter.text, title=letter.title, body_format=NotifyFormat.TEXT
            )
        except Exception as error:
            # Plugins for a hundred services raise what they like, and their words may hold the address.
            raise NotSent(f"apprise failed for {scheme} ({type(error).__name__})") from None
        if not done:
            raise NotSent(f"{scheme} did not take the message, or did not answer")
        return Sent(f"{scheme} took it")


def _silence() -> None:
    """Keep what apprise logs, which shows addresses, from every handler."""
    own = logging.getLogger("apprise")
    own.propagate = False
    if not own.handlers:
        own.addHandler(logging.NullHandler())
