"""The checks of `judge/verify`: each is a small frozen value, looks at one response, and says whether it holds and why."""
