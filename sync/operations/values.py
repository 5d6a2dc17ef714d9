"""Values that people give, within what the store takes."""

from __future__ import annotations

from typing import Annotated

import msgspec

# The number of a row, 0 for none. Databases take no larger integers than of 63 bits.
RowId = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
