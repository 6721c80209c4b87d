"""Rounds by plan: when they are due, how pictures find their step, and judging a day's pictures together."""
