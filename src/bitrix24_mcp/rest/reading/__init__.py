"""One kind of record in REST's words: its columns, filters and pages."""
