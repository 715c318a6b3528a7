"""A soak: hundreds of clients of every kind for some minutes, and a checker that follows each.

`make soak` runs it; docs/reliability.md says what it is held to.  It speaks to a real server over
loopback and knows nothing of chatd's insides.
"""
