"""Streams of bytes, cut as TCP cuts them: anywhere."""

from collections.abc import Iterable
from itertools import pairwise

from hypothesis import strategies as st

places = st.lists(st.integers(0, 500), max_size=20)
"""Where `cut` cuts."""


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    """The stream in packets; empty ones too, which TCP never brings."""
    bounds = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[begin:end] for begin, end in pairwise(bounds)]


def packets(data: bytes, size: int) -> Iterable[bytes]:
    """The bytes in packets of `size`; 0: in one."""
    return [data[i : i + size] for i in range(0, len(data), size)] if size else [data]
