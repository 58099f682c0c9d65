"""Segment: a text becomes units (section, paragraph, sentence) with exact character offsets."""

from __future__ import annotations

from semtoken.segment.segmenter import segment
from semtoken.segment.tags import outside_keep_tags, without_keep_tags

__all__ = ["outside_keep_tags", "segment", "without_keep_tags"]
