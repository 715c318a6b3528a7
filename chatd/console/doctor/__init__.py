"""The examinations of `chatd doctor`: what a proxy in front of a server lets through."""
