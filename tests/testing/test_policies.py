"""Policies for tests."""

import pytest

from chatd.model.errors import NotAllowed
from chatd.model.policy import Action
from chatd.testing import InMemoryChat
from chatd.testing.policies import DenyAll, DenyIf


def test_deny_policies_refuse_actions(chat: InMemoryChat) -> None:
    """All actions, or those that the test names."""
    ada = chat.enter("ada")
    for action in Action:
        with pytest.raises(NotAllowed):
            DenyAll().may(ada, action)
        DenyIf(lambda who, what, room: False).may(ada, action)
        with pytest.raises(NotAllowed):
            DenyIf(lambda who, what, room: who.name == "ada").may(ada, action)
