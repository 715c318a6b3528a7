"""What an identity may do (`chatd.model.policy`)."""

from __future__ import annotations

import pytest

from chatd.model import policy as policy_module
from chatd.model.errors import NotAllowed
from chatd.model.identity import Stranger
from chatd.model.policy import Action, OpenPolicy


@pytest.mark.parametrize("action", Action, ids=lambda action: action.name)
def test_in_an_open_chat_everyone_may_do_everything(action: Action) -> None:
    """Also without a session."""
    OpenPolicy().may(Stranger(), action)


@pytest.mark.parametrize("action", Action, ids=lambda action: action.name)
def test_an_action_that_a_policy_does_not_name_is_refused(
    action: Action, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The default is to deny, and the refusal says what."""
    monkeypatch.setattr(policy_module, "OPEN", frozenset(Action) - {action})
    with pytest.raises(NotAllowed, match=f"you may not {action.value}"):
        OpenPolicy().may(Stranger(), action)
