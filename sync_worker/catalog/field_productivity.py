"""Streams of the Field Productivity tools: hours of people, and equipment."""

from __future__ import annotations

from sync_worker.catalog.spec import (
    LOG_DATES,
    NO_PAGING,
    UPDATED_AT,
    DeletedBetween,
    ScopeKind,
    StreamSpec,
    SyncMode,
    columns,
)

TIMECARD = columns(
    integer="id origin_id line_item_type_id",
    string="description approval_status origin_data",
    boolean="billable",
    date="date",
    datetime="created_at deleted_at updated_at",
    decimal="hours",
    object="""
        timesheet cost_code crew party procore_signature sub_job created_by login_information timecard_time_type
        custom_fields
    """,
    array="automatically_split_timecard_entries",
)

EQUIPMENT = columns(
    integer="""
        id current_project_id managed_equipment_make_id managed_equipment_model_id managed_equipment_type_id
        managed_equipment_category_id year
    """,
    string="name serial_number identification_number description status ownership",
    boolean="company_visible",
    datetime="updated_at created_at deleted_at",
    object="""
        created_by managed_equipment_make managed_equipment_model managed_equipment_category
        managed_equipment_type
    """,
)

COMPANY_TIMECARD_ENTRIES = StreamSpec(
    name="company_timecard_entries",
    tool="Project Management/Field Productivity",
    # All projects in one list with a filter for change; needs the Company Timecard tool.
    path="/rest/v1.0/companies/{company_id}/timecard_entries",
    scope=ScopeKind.COMPANY,
    primary_key=("id",),
    fields=columns(
        TIMECARD,
        string="lunch_time timecard_type",
        boolean="in_progress",
        datetime="time_in time_out",
        object="project clock_in clock_out",
    ),
    mode=SyncMode.INCREMENTAL,
    cursor=UPDATED_AT,
    deletes=DeletedBetween(),
    tracked=("hours", "approval_status"),
    tags=frozenset({"field"}),
    sensitive=True,
)

# For companies without the Company Timecard tool; without dates the list returns only today.
TIMECARD_ENTRIES = StreamSpec(
    name="timecard_entries",
    tool="Project Management/Field Productivity",
    path="/rest/v1.0/projects/{project_id}/timecard_entries",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        TIMECARD,
        integer="lunch_time",
        string="timesheet_status",
        boolean="injured signed",
        date="time_in time_out",
        datetime="datetime",
        object="location",
    ),
    mode=SyncMode.DATE_WINDOW,
    date_window=LOG_DATES,
    tracked=("hours", "approval_status"),
    tags=frozenset({"field"}),
    sensitive=True,
)

TIMESHEETS = StreamSpec(
    name="timesheets",
    tool="Project Management/Field Productivity",
    # The company's list filters by change only within a range of dates.
    path="/rest/v1.0/projects/{project_id}/timesheets",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id number",
        string="name status",
        date="date",
        datetime="created_at updated_at",
        object="created_by",
        array="timecard_entries",
    ),
    mode=SyncMode.INCREMENTAL,
    cursor=UPDATED_AT,
    deletes=DeletedBetween(),
    tracked=("status",),
    tags=frozenset({"field"}),
    sensitive=True,
)

# Companies on the newer Equipment tool have its register instead.
COMPANY_EQUIPMENT = StreamSpec(
    name="company_equipment",
    tool="Project Management/Field Productivity",
    path="/rest/v1.0/companies/{company_id}/managed_equipment",
    scope=ScopeKind.COMPANY,
    primary_key=("id",),
    fields=EQUIPMENT,
    mode=SyncMode.INCREMENTAL,
    cursor=UPDATED_AT,
    tracked=("status", "current_project_id"),
    tags=frozenset({"field"}),
)

COMPANY_TIMECARD_TIME_TYPES = StreamSpec(
    name="company_timecard_time_types",
    tool="Project Management/Field Productivity",
    path="/rest/v1.0/companies/{company_id}/timecard_time_types",
    scope=ScopeKind.COMPANY,
    primary_key=("id",),
    fields=columns(integer="id", string="time_type"),
    paging=NO_PAGING,
    tags=frozenset({"field"}),
)

PROJECT_EQUIPMENT = StreamSpec(
    name="project_equipment",
    tool="Project Management/Field Productivity",
    path="/rest/v1.0/projects/{project_id}/managed_equipment",
    scope=ScopeKind.PROJECT,
    # Equipment that is used in two projects is in both lists.
    primary_key=("project_id", "id"),
    fields=EQUIPMENT,
    mode=SyncMode.INCREMENTAL,
    cursor=UPDATED_AT,
    tracked=("status", "current_project_id"),
    tags=frozenset({"field"}),
)

ACTUAL_PRODUCTION_QUANTITIES = StreamSpec(
    name="actual_production_quantities",
    tool="Project Management/Field Productivity",
    path="/rest/v1.0/projects/{project_id}/actual_production_quantities",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id timesheet_id",
        string="description unit_of_measure",
        date="date",
        datetime="created_at deleted_at updated_at",
        decimal="quantity",
        object="location crew sub_job cost_code created_by",
    ),
    mode=SyncMode.INCREMENTAL,
    cursor=UPDATED_AT,
    tracked=("quantity",),
    tags=frozenset({"field"}),
)

TIME_AND_MATERIAL_ENTRIES = StreamSpec(
    name="time_and_material_entries",
    tool="Project Management/Field Productivity",
    path="/rest/v1.0/projects/{project_id}/time_and_material_entries",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id status number location_id customer_id created_by_id",
        string="name reference_number description work_performed_on_date",
        boolean="private",
        datetime="created_at deleted_at updated_at",
        object="company_signee_party company_signature customer_signature customer_signee_party",
        array="time_and_material_entry_attachments",
    ),
    volatile=(
        "company_signature.attachment.url",
        "customer_signature.attachment.url",
        "time_and_material_entry_attachments[*].url",
    ),
    tracked=("status",),
    tags=frozenset({"field"}),
)

STREAMS = (
    COMPANY_TIMECARD_ENTRIES,
    TIMECARD_ENTRIES,
    TIMESHEETS,
    COMPANY_EQUIPMENT,
    COMPANY_TIMECARD_TIME_TYPES,
    PROJECT_EQUIPMENT,
    ACTUAL_PRODUCTION_QUANTITIES,
    TIME_AND_MATERIAL_ENTRIES,
)
