"""Segment: a text becomes units (section, paragraph, sentence) with exact character offsets."""

from __future__ import annotations

from semtoken.segment.segmenter import segment

__all__ = ["segment"]
