"""Plain lists over the portal's tables: REST's own names, filters by prefix, fifty rows a page."""
