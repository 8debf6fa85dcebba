"""Sample: prompts become responses."""

from pipeline.sample.gold import Gold
from pipeline.sample.grid import Grid

SAMPLE = {"gold": Gold, "grid": Grid}
