"""The universal dialect of the CRM (`crm.item.*`): camelCase names, real numbers, Y and N."""
