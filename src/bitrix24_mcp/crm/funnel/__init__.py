"""What became of the records that came in within a period, funnel by funnel and stage by stage."""
