"""Streams of the Bid Management tool."""

from __future__ import annotations

from sync_worker.catalog.spec import Parent, ScopeKind, StreamSpec, columns

BID_PACKAGES = StreamSpec(
    name="bid_packages",
    tool="Preconstruction/Bid Management",
    path="/rest/v1.1/projects/{project_id}/bid_packages",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id number submitted_bids_count",
        string="title",
        datetime="bid_due_date",
    ),
    query={"view": "all"},
    tracked=("bid_due_date",),
    tags=frozenset({"preconstruction"}),
)

BIDS = StreamSpec(
    name="bids",
    tool="Preconstruction/Bid Management",
    # The flat lists hold only bids that the caller himself was asked for.
    path="/rest/v1.0/projects/{project_id}/bid_packages/{bid_package_id}/bids",
    scope=ScopeKind.PROJECT,
    primary_key=("id",),
    fields=columns(
        integer="id bid_form_id",
        string="bid_package_title bid_form_title bid_status bidder_comments",
        boolean="awarded is_bidder_committed lump_sum_enabled submitted",
        datetime="invitation_last_sent_at created_at updated_at due_date",
        decimal="lump_sum_amount",
        object="bid_requester vendor project",
    ),
    parent=Parent(BID_PACKAGES.name, "bid_package_id"),
    tracked=("bid_status", "awarded", "lump_sum_amount"),
    tags=frozenset({"preconstruction"}),
)

STREAMS = (BID_PACKAGES, BIDS)
