"""The rules of questionnaires, and what was made of their answers, kept in a file."""
