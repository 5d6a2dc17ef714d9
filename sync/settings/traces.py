"""The section [traces]: where spans of deliveries are sent."""

from __future__ import annotations

from importlib.util import find_spec

from sync.settings.sections import Mistakes, Section
from sync.settings.values import Url

_PACKAGES = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")


class Traces(Section):
    """The collector of OpenTelemetry; none by default."""

    url: Url = ""

    def mistakes(self) -> Mistakes:
        if not self.url:
            return
        if self.url.endswith("/v1/traces"):
            yield ("url", "goes too far", f'Give the collector alone: "{self.url[:-10]}".')
        if not all(map(_installed, _PACKAGES)):
            yield (
                "url",
                "is set, and the packages for traces are not installed",
                "Install them: pip install 'ticket-sync[otel]'.",
            )


def _installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:
        # The package above it is not there either.
        return False
