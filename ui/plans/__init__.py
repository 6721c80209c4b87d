"""Plans and rounds: today's rounds, one component a screen, and judging the day."""

from ui.plans.page import PlansPage

__all__ = ["PlansPage"]
