"""Streams of the Incidents tool.

What belongs to incidents is read for a project at once, not for each incident.
"""

from __future__ import annotations

from sync_worker.catalog.spec import (
    ATTACHMENT_URLS,
    UPDATED_AT,
    Paging,
    RecycleBin,
    ScopeKind,
    StreamSpec,
    SyncMode,
    columns,
)

INCIDENT_RECORD = columns(
    integer="id number incident_id",
    string="full_number type incident_title summary description_plain_text description",
    boolean="recordable incident_private",
    datetime="created_at deleted_at updated_at",
    object="affected_company managed_equipment incident_created_by work_activity custom_fields",
)
PERSONAL_RECORD = columns(INCIDENT_RECORD, object="affected_party affected_person harm_source")

INCIDENTS = StreamSpec(
    name="incidents",
    tool="Project Management/Incidents",
    path="/rest/v1.0/projects/{project_id}/incidents",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="""
            id number records_count open_observations_count closed_observations_count actions_count
            witness_statements_count attachments_count
        """,
        string="description status title",
        boolean="private recordable time_unknown",
        datetime="created_at deleted_at event_date updated_at",
        object="created_by contributing_behavior contributing_condition hazard location custom_fields",
    ),
    mode=SyncMode.INCREMENTAL,
    query={"sort": "created_at"},
    # Procore returns at most 1,000 here.
    paging=Paging(per_page=1000),
    cursor=UPDATED_AT,
    deletes=RecycleBin("/rest/v1.0/projects/{project_id}/recycle_bin/incidents"),
    tracked=("status", "recordable"),
    tags=frozenset({"quality_safety"}),
)

INCIDENT_INJURIES = StreamSpec(
    name="incident_injuries",
    tool="Project Management/Incidents",
    path="/rest/v1.0/projects/{project_id}/incidents/injuries",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        PERSONAL_RECORD,
        integer="work_days_absent work_days_restricted work_days_transferred",
        string="""
            filing_type treatment_facility_address treatment_facility treatment_provider body_diagram_type
            affected_body_part
        """,
        boolean="hospitalized_overnight treated_in_er",
        date="date_returned_to_work date_of_death",
        object="affliction_type",
        array="affected_body_parts afflictions body_parts",
    ),
    query={"sort": "created_at"},
    deletes=RecycleBin("/rest/v1.0/projects/{project_id}/recycle_bin/incidents/injuries"),
    tracked=("recordable", "work_days_absent", "work_days_restricted"),
    tags=frozenset({"quality_safety"}),
    sensitive=True,
)

INCIDENT_NEAR_MISSES = StreamSpec(
    name="incident_near_misses",
    tool="Project Management/Incidents",
    path="/rest/v1.0/projects/{project_id}/incidents/near_misses",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=PERSONAL_RECORD,
    query={"sort": "created_at"},
    deletes=RecycleBin("/rest/v1.0/projects/{project_id}/recycle_bin/incidents/near_misses"),
    tags=frozenset({"quality_safety"}),
    # Sensitive: it names the person who was nearly hurt.
    sensitive=True,
)

INCIDENT_ENVIRONMENTALS = StreamSpec(
    name="incident_environmentals",
    tool="Project Management/Incidents",
    path="/rest/v1.0/projects/{project_id}/incidents/environmentals",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        INCIDENT_RECORD,
        string="estimated_cost_impact quantity_unit_of_measure",
        decimal="quantity_value",
        object="environmental_type",
    ),
    query={"sort": "created_at"},
    deletes=RecycleBin("/rest/v1.0/projects/{project_id}/recycle_bin/incidents/environmentals"),
    tags=frozenset({"quality_safety"}),
)

INCIDENT_PROPERTY_DAMAGES = StreamSpec(
    name="incident_property_damages",
    tool="Project Management/Incidents",
    path="/rest/v1.0/projects/{project_id}/incidents/property_damages",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(INCIDENT_RECORD, string="estimated_cost_impact", object="responsible_company"),
    query={"sort": "created_at"},
    deletes=RecycleBin("/rest/v1.0/projects/{project_id}/recycle_bin/incidents/property_damages"),
    tags=frozenset({"quality_safety"}),
)

INCIDENT_WITNESS_STATEMENTS = StreamSpec(
    name="incident_witness_statements",
    tool="Project Management/Incidents",
    path="/rest/v1.0/projects/{project_id}/incidents/witness_statements",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id incident_id",
        string="statement statement_plain_text",
        date="date_received",
        datetime="created_at deleted_at updated_at",
        object="witness custom_fields recording",
        array="attachments",
    ),
    query={"sort": "created_at"},
    deletes=RecycleBin("/rest/v1.0/projects/{project_id}/recycle_bin/incidents/witness_statements"),
    volatile=(*ATTACHMENT_URLS, "recording.url"),
    tags=frozenset({"quality_safety"}),
    # Sensitive: it names witnesses and quotes them.
    sensitive=True,
)

INCIDENT_ACTIONS = StreamSpec(
    name="incident_actions",
    tool="Project Management/Incidents",
    path="/rest/v1.0/projects/{project_id}/incidents/actions",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id incident_id observation_id",
        string="description description_plain_text",
        datetime="created_at deleted_at updated_at",
        object="action_type custom_fields",
        array="attachments",
    ),
    mode=SyncMode.INCREMENTAL,
    query={"sort": "created_at"},
    cursor=UPDATED_AT,
    deletes=RecycleBin("/rest/v1.0/projects/{project_id}/recycle_bin/incidents/actions"),
    volatile=ATTACHMENT_URLS,
    tags=frozenset({"quality_safety"}),
)

STREAMS = (
    INCIDENTS,
    INCIDENT_INJURIES,
    INCIDENT_NEAR_MISSES,
    INCIDENT_ENVIRONMENTALS,
    INCIDENT_PROPERTY_DAMAGES,
    INCIDENT_WITNESS_STATEMENTS,
    INCIDENT_ACTIONS,
)
