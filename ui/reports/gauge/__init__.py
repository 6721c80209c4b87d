"""Gauge studies on the screen: the list, a new one, an appraiser's trial, the result."""

from ui.reports.gauge.page import GaugeView

__all__ = ["GaugeView"]
