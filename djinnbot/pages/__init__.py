"""The dashboard's page. What it shows comes from `/v1`."""
