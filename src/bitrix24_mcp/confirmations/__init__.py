"""Codes of previews, kept in a database, so that any replica may be asked to carry out what another one showed."""
