"""Pages of the dashboard: templates and who may open them. What they show comes from `/v1`."""
