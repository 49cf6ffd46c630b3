"""Agents at work: who is busy, with what, and what they did."""

from dataclasses import replace

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.agents.access import access_agent
from apps.core.api.callers import USERS_AND_SESSIONS
from apps.core.api.pagination import CursorPage
from apps.core.api.views import ApiView
from apps.runs import selectors
from apps.runs.access import visible_runs
from apps.runs.api.serializers import RunSerializer
from apps.runs.api.team_serializers import (
    ActivityQuery,
    ActivitySerializer,
    AgentStatsSerializer,
    LifecycleSerializer,
    TeamStatusSerializer,
)
from apps.runs.team import agent_standing, team_status, team_summary, visible_work
from apps.runs.timeline import agent_boxes, agent_stats, agent_timeline


class TeamStatusView(ApiView):
    callers = USERS_AND_SESSIONS
    scope = "read"

    @extend_schema(operation_id="agents_status", responses=TeamStatusSerializer)
    def get(self, request: Request) -> Response:
        """Who is busy. Whose work it is stands in each agent's `lifecycle`."""
        standings = team_status()
        body = {"agents": standings, "summary": team_summary(standings)}
        return Response(TeamStatusSerializer(body).data)


class _OneAgentView(ApiView):
    callers = USERS_AND_SESSIONS
    scope = "read"

    def agent_id(self) -> str:
        return access_agent(self.caller, self.kwargs["agent_id"]).id


class AgentLifecycleView(_OneAgentView):
    @extend_schema(operation_id="agents_lifecycle", responses=LifecycleSerializer)
    def get(self, request: Request, agent_id: str) -> Response:
        """What the agent does now. Counts are of all its work, `current_work` of yours."""
        standing = agent_standing(access_agent(self.caller, agent_id))
        seen = replace(standing, work=visible_work(self.caller, standing.work))
        return Response(LifecycleSerializer(seen).data)


class AgentActivityView(_OneAgentView):
    query = ActivityQuery

    @extend_schema(operation_id="agents_activity", responses=ActivitySerializer)
    def get(self, request: Request, agent_id: str) -> Response:
        """What the agent did in the last 30 days, newest first, and the boxes it has now."""
        agent_id = self.agent_id()
        body = {
            "agent_id": agent_id,
            "items": agent_timeline(self.caller, agent_id, **self.query_values()),
            "boxes": agent_boxes(self.caller, agent_id),
        }
        return Response(ActivitySerializer(body).data)


class AgentStatsView(_OneAgentView):
    @extend_schema(operation_id="agents_activity_stats", responses=AgentStatsSerializer)
    def get(self, request: Request, agent_id: str) -> Response:
        return Response(AgentStatsSerializer(agent_stats(self.caller, self.agent_id())).data)


class AgentRunsView(_OneAgentView):
    paged = True

    @extend_schema(operation_id="agents_runs", responses=RunSerializer(many=True))
    def get(self, request: Request, agent_id: str) -> Response:
        """Runs in which the agent took part, newest first."""
        rows = selectors.runs_of_agent(visible_runs(self.caller), self.agent_id())
        page = CursorPage()
        return page.get_paginated_response(page.paginate_queryset(rows, request, self))
