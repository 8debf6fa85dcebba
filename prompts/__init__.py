"""The words of prefmill: one template per strategy, `<stage>/<name>.md`, and principles as data."""
