"""A small tokenizer and small random models, made on the spot: no weights needed."""

from __future__ import annotations

import string

import numpy as np
import torch
from semtoken.caching import WindowCache
from semtoken.encoders.runtimes import Runtime, TorchRuntime
from semtoken.encoders.static import StaticEncoder
from semtoken.encoders.tiles import OnBatch, ignore
from semtoken.encoders.transformer import TransformerEncoder
from semtoken.evaluation.bundled import bundled_demo
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE, WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer, ByteLevel
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import BpeTrainer
from transformers import BertConfig, BertModel, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

CHAT_TEMPLATE = (
    "{% for message in messages %}<|start|>{{ message['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|start|>{% endif %}"
)


def train_tokenizer(*, leading: bool = False, chat_template: str | None = CHAT_TEMPLATE) -> PreTrainedTokenizerFast:
    """A byte-level BPE of 600 tokens; ``leading`` makes it want <|start|> before any text."""
    backend = Tokenizer(BPE())
    backend.pre_tokenizer = ByteLevel(add_prefix_space=False)
    backend.decoder = ByteLevelDecoder()
    trainer = BpeTrainer(
        vocab_size=600,
        special_tokens=["<|start|>", "<|end|>"],
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator([bundled_demo().document], trainer)
    if leading:
        backend.post_processor = TemplateProcessing(single="<|start|> $A", special_tokens=[("<|start|>", 0)])
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=backend, bos_token="<|start|>", eos_token="<|end|>", model_max_length=1024
    )
    tokenizer.chat_template = chat_template
    return tokenizer


def make_llama() -> LlamaForCausalLM:
    """Two layers of random weights, the same at every call."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=600,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        bos_token_id=0,
        eos_token_id=1,
        initializer_range=0.5,
    )
    return LlamaForCausalLM(config)  # type: ignore[no-untyped-call]


def make_encoder(
    cache: WindowCache | None = None, *, weights: int = 0, dtype: str = "float32", runtime: Runtime | None = None
) -> TransformerEncoder:
    """An encoder of :func:`make_bert`, which knows English letters and endings; PyTorch computes it by default."""
    if runtime is None:
        runtime = TorchRuntime(make_bert(weights).to(getattr(torch, dtype)), torch.device("cpu"))
    return TransformerEncoder(runtime, bert_tokenizer(), cache=cache)


def make_static_encoder(on_batch: OnBatch = ignore) -> StaticEncoder:
    """A random vector for each of the tokens of :func:`make_encoder`."""
    table = np.random.default_rng(0).normal(size=(len(_PIECES), 16)).astype(np.float32)
    return StaticEncoder(table, bert_tokenizer().backend_tokenizer, on_batch=on_batch)


def bert_tokenizer() -> PreTrainedTokenizerFast:
    """Pieces of English: letters, endings and three words."""
    backend = Tokenizer(WordPiece({token: number for number, token in enumerate(_PIECES)}, unk_token="[UNK]"))
    backend.normalizer = BertNormalizer()
    backend.pre_tokenizer = BertPreTokenizer()
    specials = [("[CLS]", _PIECES.index("[CLS]")), ("[SEP]", _PIECES.index("[SEP]"))]
    backend.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=specials)
    named = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep")}
    return PreTrainedTokenizerFast(tokenizer_object=backend, **named)  # type: ignore[no-untyped-call]


def make_bert(weights: int = 0) -> BertModel:
    """One layer of random weights, the same for the same seed."""
    torch.manual_seed(weights)
    config = BertConfig(
        vocab_size=len(_PIECES),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
    )
    model: BertModel = BertModel(config, add_pooling_layer=False).eval()  # type: ignore[no-untyped-call]
    return model


_LETTERS = [*string.ascii_lowercase, *string.digits, *string.punctuation]
_PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "of", "in", *_LETTERS, *(f"##{letter}" for letter in _LETTERS)]
