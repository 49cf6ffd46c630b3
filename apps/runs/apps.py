from django.apps import AppConfig


class RunsConfig(AppConfig):
    name = "apps.runs"
    label = "runs"

    def ready(self) -> None:
        from apps.core.search import register_search
        from apps.core.topics import register_topics
        from apps.repos.access import runs_active_register, workspace_access_register
        from apps.runs import personal
        from apps.runs.access import (
            may_use_workspace,
            may_watch_feed,
            may_watch_run,
            own_frames,
            runs_that_move,
            sessions_of_visible_runs,
        )
        from apps.runs.search import run_search
        from apps.sessions.access import run_sessions_register

        personal.register()
        register_topics("run:", access=may_watch_run, snapshot="/v1/runs/{}")
        workspace_access_register(may_use_workspace)
        runs_active_register(runs_that_move)
        run_sessions_register(sessions_of_visible_runs)
        register_search("run", run_search)
        register_topics("runs", access=may_watch_feed, snapshot="/v1/runs", sieve=own_frames)
