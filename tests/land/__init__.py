"""Tests of the land stage."""
