"""Values and pure rules, without Twisted: events, commands, errors, names, texts, the policy."""
