"""Builds and wires everything; the only room that knows all the others.

``stores`` opens the store, ``program`` builds the daemon from settings, ``daemon`` runs it, ``demo``
runs it beside everything simulated. Nothing is imported here, so that light verbs stay quick.
"""
