"""Mine: documents, passages and prompts become passages and prompts."""

from pipeline.mine.chunk import Chunk
from pipeline.mine.labelled import Labelled
from pipeline.mine.qa import Qa

MINE = {"chunk": Chunk, "labelled": Labelled, "qa": Qa}
