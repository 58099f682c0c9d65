"""The page at ``/playground``: its parts, and how they become one."""
