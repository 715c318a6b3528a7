"""Values and pure rules, without Twisted: what happened, what is asked, what may be."""
