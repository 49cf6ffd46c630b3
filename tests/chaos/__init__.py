"""Faults on purpose: what is killed, frozen or emptied here are processes the test started."""
