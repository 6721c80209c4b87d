"""Deploying the stack of template.yaml: what would change, what it costs, and doing it."""
