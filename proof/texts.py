"""Rows about texts that are slow to convert: other tickets go on beside them."""

from __future__ import annotations

import time

from proof.rows import row
from proof.scene import Scene

_LONG = 28_000
# Each costs some converters time that grows with its square: 30 seconds and more for one text.
_SLOW = ("[a](", "![>> ", "[", "{code ", "*a_", '{"a": [1, 2], "b": "x_y"}\n', "|a|b|\n", "> - a\n")
_WITHIN = 60.0


@row("texts that are slow to read", core=True, own=True)
def _texts(scene: Scene, size: int) -> None:
    scene.on_data_center()
    scene.daemon()
    texts = [(_SLOW[n % len(_SLOW)] * _LONG)[:_LONG] for n in range(2 * size)]
    scene.deliver(*(scene.one("", kind="issue", more=text) for text in texts))
    others = [scene.one("", kind="issue") for _ in range(size)]
    begun = time.monotonic()
    scene.deliver(*others)
    while not {other.label for other in others} <= scene.labels():
        assert time.monotonic() < begun + _WITHIN, "other tickets are held up by slow texts"
        time.sleep(0.2)
