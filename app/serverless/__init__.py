"""What runs beside a station or inside AWS: the Lookout-compatible API on the same detector."""
