"""Encoders: light models that say what a text's tokens mean in their context."""

from semtoken.encoders.base import Encoder, EncoderInput
from semtoken.encoders.loading import LoadedEncoder, load_encoder
from semtoken.encoders.static import StaticEncoder
from semtoken.encoders.transformer import TransformerEncoder

__all__ = ["Encoder", "EncoderInput", "LoadedEncoder", "StaticEncoder", "TransformerEncoder", "load_encoder"]
