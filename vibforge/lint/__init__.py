"""What can be wrong with a VIB or a bundle, one rule at a time.

rule         what a rule, a fault and a finding are
subject      what rules look at: a VIB with its payloads listed once, or a bundle
container …  the rules, one topic a module; their docstrings are the manual
registry     all rules, in one tuple
run          hold a subject against the rules that were chosen
"""
