"""Mine: documents, passages and prompts become passages and prompts."""

from pipeline.mine.chunk import Chunk
from pipeline.mine.qa import Qa

MINE = {"chunk": Chunk, "qa": Qa}
