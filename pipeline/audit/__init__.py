"""Audit: what judges and labels are worth, as pure functions over rows. No stage: nothing here is a step of a recipe."""
