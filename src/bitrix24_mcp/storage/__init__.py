"""Files of this program's own: SQLite databases for their owner alone, which several processes may share."""
