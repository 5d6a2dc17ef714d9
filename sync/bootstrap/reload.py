"""SIGHUP: the rules are read again, and what needs a restart is named."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from sync.settings import Settings, SettingsError
from sync.settings.changes import changed
from sync.store.engine import StoreUnavailable

log = structlog.get_logger("daemon")


class Reloading:
    """Reads again in a thread of its own, because Jira may be asked about an edit of the rules.

    ``read_rules`` takes up the rules on disk, None where no rules are read; ``detail`` says what keeps
    them from being in force.
    """

    def __init__(
        self,
        settings: Settings,
        read_rules: Callable[[], object] | None,
        detail: Callable[[], str] = lambda: "",
    ) -> None:
        self._settings = settings
        self._read_rules = read_rules
        self._detail = detail
        self._thread: threading.Thread | None = None

    @property
    def under_way(self) -> bool:
        """Whether it reads just now."""
        return self._thread is not None and self._thread.is_alive()

    def begin(self, then: Callable[[], object]) -> None:
        """Read again, and call ``then`` at the end, whatever was found. Not while it is under way."""
        self._thread = threading.Thread(target=self._read, args=(then,), name="reload", daemon=True)
        self._thread.start()

    def _read(self, then: Callable[[], object]) -> None:
        try:
            self._look_at_settings()
            if self._read_rules is not None:
                self._read_rules()
                log.info("read the rules again", waits=self._detail())
        except StoreUnavailable as error:
            log.warning("the rules were not read again: the store is away", why=str(error))
        except Exception:
            log.exception("reading the rules again failed")
        finally:
            then()

    def _look_at_settings(self) -> None:
        """Say which settings have changed. All of them are read at the start alone."""
        try:
            keys = changed(self._settings)
        except SettingsError as error:
            for mistake in error.mistakes:
                log.error(
                    "a mistake in the settings; those of the start hold", mistake=str(mistake)
                )
            return
        if keys:
            log.warning("settings have changed; restart to have them in force", settings=keys)
