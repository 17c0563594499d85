"""All that can be wrong with a trx.conf, one topic a module; the tuple is the only registry."""

from vibforge.trx.rules import agreement, line, locking, topology, value

RULES = (*line.RULES, *value.RULES, *topology.RULES, *locking.RULES, *agreement.RULES)
"""In the order of the reference page; a finding's place in a report comes from its line."""

BY_NAME = {each.name: each for each in RULES}
