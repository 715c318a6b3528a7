"""Long-polls, and the fast path that answers thousands of identical ones."""
