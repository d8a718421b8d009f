"""Streams of the Daily Log tool.

Without dates these lists return only today. They have no filter by change, so days are read again while they may still
be edited.
"""

from __future__ import annotations

from collections.abc import Mapping

from sync_worker.catalog.spec import (
    ATTACHMENT_URLS,
    LOG_DATES,
    NO_PAGING,
    DateWindow,
    FieldType,
    Paging,
    ScopeKind,
    StreamSpec,
    SyncMode,
    columns,
)

ENTRY = columns(
    integer="id position",
    date="date",
    datetime="created_at datetime updated_at deleted_at",
    object="created_by location",
)


def _log(
    name: str,
    fields: Mapping[str, FieldType],
    *,
    path: str | None = None,
    approval: bool = False,
    paged: bool = True,
    sensitive: bool = False,
) -> StreamSpec:
    return StreamSpec(
        name=name,
        tool="Project Management/Daily Log",
        path=path or f"/rest/v1.0/projects/{{project_id}}/{name}",
        scope=ScopeKind.PROJECT,
        primary_key=("id",),
        fields=fields,
        mode=SyncMode.DATE_WINDOW,
        # The default of logs that need approval is approved entries only.
        query={"filters[status]": "all"} if approval else {},
        paging=Paging() if paged else NO_PAGING,
        date_window=LOG_DATES if "date" in fields else DateWindow(field="log_date"),
        volatile=ATTACHMENT_URLS if "attachments" in fields else (),
        tags=frozenset({"daily_logs", "field"}),
        sensitive=sensitive,
    )


MANPOWER_LOGS = _log(
    "manpower_logs",
    columns(
        ENTRY,
        integer="num_workers",
        string="notes status",
        decimal="man_hours num_hours",
        object="vendor user contact cost_code trade custom_fields permissions",
        array="attachments",
    ),
    approval=True,
)

NOTES_LOGS = _log(
    "notes_logs",
    columns(
        ENTRY,
        integer="daily_log_header_id daily_log_segment_id",
        string="comment status",
        boolean="is_issue_day created_by_collaborator",
        object="permissions custom_fields daily_log_segment vendor",
        array="attachments",
    ),
    approval=True,
)

WEATHER_LOGS = _log(
    "weather_logs",
    columns(
        ENTRY,
        integer="daily_log_segment_id",
        string="average calamity comments is_weather_delay ground precipitation sky temperature wind",
        datetime="time",
        object="vendor",
        array="attachments",
    ),
    path="/rest/v1.1/projects/{project_id}/daily_logs/weather_logs",
)

WORK_LOGS = _log(
    "work_logs",
    columns(
        ENTRY,
        integer="workers daily_log_segment_id",
        string="comments resource_name",
        boolean="reimbursable showed",
        decimal="hourly_rate hours",
        object="vendor daily_log_segment",
        array="attachments scheduled_tasks",
    ),
    sensitive=True,
)

EQUIPMENT_LOGS = _log(
    "equipment_logs",
    columns(
        ENTRY,
        integer="inspection_hour inspection_minute",
        string="notes",
        boolean="inspected",
        decimal="hours_idle hours_operating",
        object="cost_code equipment equipment_register permissions custom_fields vendor",
        array="attachments",
    ),
)

VISITOR_LOGS = _log(
    "visitor_logs",
    columns(
        ENTRY,
        integer="begin_hour begin_minute end_hour end_minute",
        string="details status subject",
        object="vendor custom_fields permissions",
    ),
)

CALL_LOGS = _log(
    "call_logs",
    columns(
        ENTRY,
        integer="start_hour start_minute end_hour end_minute daily_log_segment_id",
        string="subject_to subject_from description",
        object="permissions vendor daily_log_segment",
        array="attachments",
    ),
)

INSPECTION_LOGS = _log(
    "inspection_logs",
    columns(
        ENTRY,
        integer="end_hour end_minute start_hour start_minute daily_log_segment_id",
        string="area comments inspecting_entity inspection_type inspector_name",
        object="vendor daily_log_segment",
        array="attachments",
    ),
)

DELIVERY_LOGS = _log(
    "delivery_logs",
    columns(
        ENTRY,
        integer="time_hour time_minute daily_log_segment_id",
        string="comments contents delivery_from status tracking_number",
        object="vendor daily_log_segment",
        array="attachments",
    ),
    approval=True,
)

SAFETY_VIOLATION_LOGS = _log(
    "safety_violation_logs",
    columns(
        ENTRY,
        integer="time_hour time_minute daily_log_segment_id",
        string="comments issued_to safety_notice subject",
        date="compliance_due",
        object="vendor daily_log_segment",
        array="attachments",
    ),
)

ACCIDENT_LOGS = _log(
    "accident_logs",
    columns(
        ENTRY,
        integer="time_hour time_minute daily_log_segment_id",
        string="comments involved_name involved_company",
        object="permissions vendor daily_log_segment",
        array="attachments",
    ),
    sensitive=True,
)

QUANTITY_LOGS = _log(
    "quantity_logs",
    columns(
        ENTRY,
        integer="quantity daily_log_segment_id",
        string="description unit",
        object="cost_code vendor daily_log_segment",
        array="attachments",
    ),
)

PRODUCTIVITY_LOGS = _log(
    "productivity_logs",
    columns(
        ENTRY,
        integer="line_item_id daily_log_segment_id",
        string="company contract line_item_description notes previously_delivered previously_used",
        decimal="quantity_delivered quantity_used",
        object="line_item_holder daily_log_segment",
    ),
)

DUMPSTER_LOGS = _log(
    "dumpster_logs",
    columns(
        ENTRY,
        integer="quantity_delivered quantity_removed daily_log_segment_id",
        string="comments",
        object="vendor daily_log_segment",
        array="attachments",
    ),
)

WASTE_LOGS = _log(
    "waste_logs",
    columns(
        ENTRY,
        integer="approximate_quantity time_hour time_minute daily_log_segment_id",
        string="description disposal_location material method_of_disposal",
        object="vendor contact daily_log_segment",
        array="attachments",
    ),
)

DELAY_LOGS = _log(
    "delay_logs",
    columns(
        ENTRY,
        integer="duration daily_log_segment_id",
        string="comments delay_type end_time status",
        decimal="end_time_hour end_time_minute start_time_hour start_time_minute",
        object="daily_log_segment vendor",
        array="attachments",
    ),
)

PLAN_REVISION_LOGS = _log(
    "plan_revision_logs",
    columns(
        integer="id position daily_log_segment_id",
        string="category comments plan_number revision title",
        date="date",
        datetime="datetime deleted_at",
        object="created_by vendor location daily_log_segment",
        array="attachments",
    ),
    paged=False,
)

DAILY_CONSTRUCTION_REPORT_LOGS = _log(
    "daily_construction_report_logs",
    columns(
        ENTRY,
        integer="""
            number_of_apprentice_workers number_of_foreman_workers number_of_journeyman_workers
            number_of_other_workers
        """,
        string="notes status",
        decimal="""
            apprentice_hours first_year_hours foreman_hours journeyman_hours local_city_hours local_county_hours
            minority_hours other_hours veteran_hours women_hours
        """,
        object="vendor trade permissions custom_fields",
        array="attachments",
    ),
    approval=True,
)

# Unlike the logs, this list returns every day without dates; the path without /index returns one header.
DAILY_LOG_HEADERS = _log(
    "daily_log_headers",
    columns(
        integer="id",
        boolean="completed completable distributed distributable",
        date="log_date",
        datetime="log_datetime completed_at distributed_at",
        object="completed_by distributed_by",
    ),
    path="/rest/v1.0/projects/{project_id}/daily_log_headers/index",
)

STREAMS = (
    MANPOWER_LOGS,
    NOTES_LOGS,
    WEATHER_LOGS,
    WORK_LOGS,
    EQUIPMENT_LOGS,
    VISITOR_LOGS,
    CALL_LOGS,
    INSPECTION_LOGS,
    DELIVERY_LOGS,
    SAFETY_VIOLATION_LOGS,
    ACCIDENT_LOGS,
    QUANTITY_LOGS,
    PRODUCTIVITY_LOGS,
    DUMPSTER_LOGS,
    WASTE_LOGS,
    DELAY_LOGS,
    PLAN_REVISION_LOGS,
    DAILY_CONSTRUCTION_REPORT_LOGS,
    DAILY_LOG_HEADERS,
)
