"""A simulated Coalesce Quality: a stream of subjects, signed deliveries, and its REST API."""

from sync.sandbox.coalesce.render import FORMATS, Format, encode, render
from sync.sandbox.coalesce.samples import SAMPLES, sample, sample_body

__all__ = ["FORMATS", "SAMPLES", "Format", "encode", "render", "sample", "sample_body"]
