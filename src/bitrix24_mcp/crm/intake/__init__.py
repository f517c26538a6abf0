"""Rules that turn the answers to a questionnaire into records of the CRM, each answer once."""
