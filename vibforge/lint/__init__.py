"""What can be wrong with a VIB or a bundle, one rule at a time.

rule         what a rule, a fault and a finding are
subject      what rules look at: a VIB with its payloads listed once, or a bundle
rules        the rules, one topic a module; their docstrings are the manual
registry     all of them in the order of their ids, and the choice of some
run          hold a subject against the rules that were chosen
"""
