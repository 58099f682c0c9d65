"""Makes a static encoder of a contextual one with ``model2vec`` (https://github.com/MinishLab/model2vec).

Every token of the vocabulary goes through the encoder alone; the principal components of what comes out
are weighed by ``a / (a + p)``, p being the token's frequency by Zipf's law from its place in the
vocabulary (SIF of Arora, Liang and Ma, ICLR 2017). The extra ``distill`` of ``model2vec`` wants a
``transformers`` older than 5.4 but runs on later ones, so what else it needs is asked for by name.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from semtoken.errors import ModelNotFoundError

INSTALL_COMMAND = "pip install 'model2vec>=0.10,<0.11' 'skeletoken>=0.6,<0.7'"

DIMENSIONS = 256
RARITY = 1e-4
"""a of the weights."""


def require_distiller() -> None:
    """Raise ``ModelNotFoundError``, which says what to install, when a package is missing."""
    missing = [name for name in ("model2vec", "skeletoken") if find_spec(name) is None]
    if missing:
        raise ModelNotFoundError(f"distilling an encoder needs {' and '.join(missing)}: {INSTALL_COMMAND}")


def distil(source: Path, target: Path) -> None:
    """Write the static encoder of the contextual one in ``source`` into ``target``; takes half a minute."""
    from model2vec.distill import distill_from_model  # noqa: PLC0415 - an extra
    from transformers import AutoModel, AutoTokenizer  # noqa: PLC0415 - takes seconds

    model: Any = AutoModel.from_pretrained(source, local_files_only=True)
    tokenizer: Any = AutoTokenizer.from_pretrained(source, local_files_only=True)
    made = distill_from_model(
        model, tokenizer, device="cpu", pca_dims=DIMENSIONS, sif_coefficient=RARITY, quantize_to="float16"
    )
    made.save_pretrained(target)
    # A model card for the hub, which guesses at a licence.
    (target / "README.md").unlink(missing_ok=True)
