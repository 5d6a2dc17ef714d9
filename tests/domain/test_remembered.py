"""A memory of bounded size: it answers as a dictionary would, and forgets what was used longest ago."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from sync.domain.remembered import Remembered

Steps = st.lists(
    st.tuples(
        st.sampled_from(["get", "put", "made", "forget"]), st.integers(0, 9), st.integers(1, 5)
    )
)


@given(st.integers(1, 12), Steps)
def test_what_is_kept_is_what_was_used_last_within_the_bound(
    most: int, steps: list[tuple[str, int, int]]
) -> None:
    memory: Remembered[int, int] = Remembered(most, lambda _key, value: value)
    # The model: the entries, longest unused first.
    model: dict[int, int] = {}
    for what, key, value in steps:
        if what == "get":
            assert memory.get(key) == model.get(key)
        elif what == "forget":
            memory.forget(key)
            model.pop(key, None)
        elif what == "put" or key not in model:
            assert (memory.put if what == "put" else _made(memory))(key, value) == value
            model.pop(key, None)
            model[key] = value
        else:
            assert memory.made(key, lambda: 99) == model[key]
        if what != "forget" and key in model:
            model[key] = model.pop(key)
        while sum(model.values()) > most:
            del model[next(iter(model))]
        assert len(memory) == len(model)
    assert {key: memory.get(key) for key in range(10)} == {key: model.get(key) for key in range(10)}


def _made(memory: Remembered[int, int]):  # type: ignore[no-untyped-def]
    return lambda key, value: memory.made(key, lambda: value)


def test_threads_that_make_one_entry_at_once_all_get_the_same() -> None:
    memory: Remembered[str, object] = Remembered(10)
    together = threading.Barrier(4)
    got: list[object] = []

    def make() -> object:
        together.wait(10)
        return object()

    threads = [
        threading.Thread(target=lambda: got.append(memory.made("one", make))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, got))) == 1


def test_what_is_named_is_forgotten_and_counted() -> None:
    memory: Remembered[int, int] = Remembered(10)
    for number in range(6):
        memory.put(number, number)
    assert memory.forget_where(lambda key, _value: key % 2 == 0) == 3
    assert [memory.get(number) for number in range(6)] == [None, 1, None, 3, None, 5]
