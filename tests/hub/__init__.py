"""Tests of the push to the hub, against a hub on loopback."""
