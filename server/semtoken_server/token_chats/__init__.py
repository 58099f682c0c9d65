"""Chats whose compressed texts go as token ids, through vLLM's scale-out routes."""
