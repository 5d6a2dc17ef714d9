"""config.toml and the environment as frozen settings, with every mistake put into words.

``load`` reads them. Environment variables (``TICKET_SYNC_SERVER__PORT``) win over the file, and the
file over the defaults in ``sections``.
"""

from sync.settings.load import SettingsError, find, load
from sync.settings.reading import Secrets
from sync.settings.root import Settings, lease_of
from sync.settings.sections import Api, Coalesce, Site, SweepSection
from sync.settings.shipped import shipped

__all__ = [
    "Api",
    "Coalesce",
    "Secrets",
    "Settings",
    "SettingsError",
    "Site",
    "SweepSection",
    "find",
    "lease_of",
    "load",
    "shipped",
]
