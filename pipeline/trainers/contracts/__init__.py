"""What each trainer makes of a row, written down from its source: one module per trainer, each with its version.

TRL is not here: it is a library of the tests, and its own functions are asked.
"""

from __future__ import annotations

from pipeline.trainers.contracts import axolotl, llama_factory, nemo_rl, open_instruct, openrlhf, verl
from pipeline.trainers.seen import Contract

CONTRACTS: dict[str, Contract] = {
    "axolotl_default": axolotl.read_default,
    "axolotl_default_messages": axolotl.read_default_messages,
    "axolotl_argilla_chat": axolotl.read_argilla_chat,
    "axolotl_orpo": axolotl.read_orpo,
    "llama_factory_alpaca": llama_factory.read_alpaca,
    "llama_factory_sharegpt": llama_factory.read_sharegpt,
    "nemo_rl_binary": nemo_rl.read_binary,
    "nemo_rl_ranked": nemo_rl.read_ranked,
    "open_instruct": open_instruct.read_pair,
    "openrlhf": openrlhf.read_prompted,
    "openrlhf_implicit": openrlhf.read_implicit,
    "verl": verl.read_pair,
}
"""The contract of each loader that is not TRL's, by the name of the loader."""
