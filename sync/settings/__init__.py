"""config.toml and environment to frozen settings, every mistake named.

``load`` is the way in. Precedence: environment variables (``TICKET_SYNC_SERVER__PORT``), then the
file, then the defaults of ``sections``.
"""

from sync.settings.load import SettingsError, find, load
from sync.settings.root import Settings, lease_of
from sync.settings.sections import Api, Coalesce, Site, SweepSection
from sync.settings.shipped import shipped

__all__ = [
    "Api",
    "Coalesce",
    "Settings",
    "SettingsError",
    "Site",
    "SweepSection",
    "find",
    "lease_of",
    "load",
    "shipped",
]
