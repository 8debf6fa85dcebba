"""The cage: where checks run that must not run in our own process, because what they look at may do anything.

Code that a model wrote is run there against unit tests; and what a pattern, a schema or a computer algebra system makes
of a model's words is worked out there, because each of them can be made to run for years. What the cage holds against, and
what not, is in `docs/verify.md`.
"""

from pipeline.models.cage.engine import Cage

__all__ = ["Cage"]
