"""Sample: prompts become responses."""

from pipeline.sample.gold import Gold
from pipeline.sample.grid import Grid
from pipeline.sample.labelled import Labelled
from pipeline.sample.preferences import Preferences

SAMPLE = {"gold": Gold, "grid": Grid, "labelled": Labelled, "preferences": Preferences}
