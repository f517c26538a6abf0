"""The records of the CRM and of smart processes (crm.item)."""
