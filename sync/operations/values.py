"""Values that people give, within what the store takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec

# The number of a row, 0 for none. Databases take no larger integers than of 63 bits.
RowId = Annotated[int, msgspec.Meta(ge=0, le=2**62)]


@dataclass(frozen=True, slots=True)
class Choice:
    """A value to filter by, and how many rows have it."""

    value: str
    count: int
