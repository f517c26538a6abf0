"""Requests to REST and what comes back: one call, a batch, answers, refusals."""
