from apps.core.errors import Conflict, Invalid, NotFound


class CaseNotFound(NotFound):
    def __init__(self, case_id: str) -> None:
        super().__init__(f"There is no case {case_id}.", case_id=case_id)


class EvaluationNotFound(NotFound):
    def __init__(self, evaluation_id: str) -> None:
        super().__init__(f"There is no evaluation {evaluation_id}.", evaluation_id=evaluation_id)


class CaseExists(Conflict):
    default_code = "already_exists"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is a case called {name} already.", name=name)


class NotRecorded(Invalid):
    default_code = "run_not_recorded"

    def __init__(self, run_id: str) -> None:
        super().__init__(
            f"The model calls of run {run_id} were not recorded. Start it with `record`.",
            run_id=run_id,
        )


class NotEnded(Conflict):
    def __init__(self, run_id: str, status: str) -> None:
        super().__init__(
            f"Run {run_id} is {status}; only one that has ended can be frozen.",
            run_id=run_id,
            status=status,
        )
