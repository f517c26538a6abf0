"""Who calls over HTTP: recognised by what each request carries, and served apart from all others."""
