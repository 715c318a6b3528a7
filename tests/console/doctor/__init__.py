"""The examinations of `chatd doctor`."""
