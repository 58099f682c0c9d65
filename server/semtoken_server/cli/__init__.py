"""The `semtoken` command: one small module for each sub-command."""
