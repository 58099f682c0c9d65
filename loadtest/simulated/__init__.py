"""An engine whose times are made up by a simple model of cost: its figures say nothing about a real one."""
