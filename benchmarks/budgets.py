"""All figures in one run, each with its budget: pass or miss."""

import calls
import start
import tokens
from measuring import Figure, show

LATER = [
    Figure("scan of 100,000 records", "not yet", "no tool scans", ">= 90 % of what pacing allows"),
]
"""Budgets of tools that do not exist yet."""

if __name__ == "__main__":
    show([*start.measure(), *calls.measure(), *tokens.measure(), *LATER])
