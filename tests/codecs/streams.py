"""Streams of bytes, cut as TCP cuts them: anywhere."""

from itertools import pairwise

from hypothesis import strategies as st

places = st.lists(st.integers(0, 500), max_size=20)


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    """The stream in packets; empty ones too, which TCP never brings."""
    bounds = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[begin:end] for begin, end in pairwise(bounds)]
