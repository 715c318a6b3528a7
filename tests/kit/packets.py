"""Streams of bytes in packets, cut anywhere as TCP may cut them."""

from collections.abc import Iterable
from itertools import pairwise

from hypothesis import strategies as st

places = st.lists(st.integers(0, 500), max_size=20)
"""The places where `cut` cuts."""


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    """The stream in packets; some may be empty, which TCP never delivers."""
    bounds = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[begin:end] for begin, end in pairwise(bounds)]


def packets(data: bytes, size: int) -> Iterable[bytes]:
    """The bytes in packets of `size`, or in one if it is 0."""
    return [data[i : i + size] for i in range(0, len(data), size)] if size else [data]
