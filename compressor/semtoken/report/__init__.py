"""A compressed text as a page that a person can judge it by."""

from semtoken.report.page import render_html

__all__ = ["render_html"]
