"""Encoders: light models that say what a text's tokens mean in their context."""

from semtoken.encoders.base import Encoder, EncoderInput

__all__ = ["Encoder", "EncoderInput"]
