"""The Django project: wiring only. Rooms: `apps` (state), `workers` (work), `frontend` (pages)."""
