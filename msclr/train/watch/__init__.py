"""Watching a run: what it writes down, shows and warns of while it trains, without changing what it learns."""
