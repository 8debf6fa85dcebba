"""Mine: documents, passages and prompts become passages and prompts."""

from pipeline.mine.chunk import Chunk
from pipeline.mine.labelled import Labelled
from pipeline.mine.preferences import Preferences
from pipeline.mine.qa import Qa

MINE = {"chunk": Chunk, "labelled": Labelled, "preferences": Preferences, "qa": Qa}
