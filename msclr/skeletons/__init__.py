"""Joint conventions: what a skeleton is, which ones exist, where each joint is in the body."""
