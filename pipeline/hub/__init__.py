"""Releases on the Hugging Face hub: what may be pushed, how it gets there, and a hub on loopback to rehearse it on.

refusals    what must not leave the house: rehearsals, withdrawn and held releases, licences that do not go together
plan        what of an export a repository has, what it lacks, and what in it is not ours
heads       the YAML head of a README, changed without a touch on the rest
client      the hub's own client, and its failures as sentences
push        look, plan, one commit, one tag; and again from the start after a failure
fake        a hub on 127.0.0.1 with the calls that the client makes (`repositories`, `faults`)
"""
