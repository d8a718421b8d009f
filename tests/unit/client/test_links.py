"""`Link` headers as RFC 8288 defines them, and with small mistakes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.client.links import parse_links

NAMES = st.text("abcxyz", min_size=1, max_size=6)
ADDRESSES = st.text("abc/?&=;,:.%1 ", max_size=20)
VALUES = st.text("ab c,;<>=", max_size=8)


@st.composite
def links(draw: st.DrawFn) -> tuple[str, str, list[str]]:
    """Generate a link in one of its notations, its address, and its relations."""
    address = draw(ADDRESSES)
    relations = draw(st.lists(st.sampled_from(["next", "prev", "first", "last", "self", "alternate"]), min_size=1))
    written = [draw(st.sampled_from([relation, relation.upper()])) for relation in relations]
    rel = f'"{" ".join(written)}"' if len(written) > 1 or draw(st.booleans()) else written[0]
    parameters = [f'{name}="{draw(VALUES)}"' for name in draw(st.lists(NAMES, max_size=2)) if name != "rel"]
    parameters.insert(draw(st.integers(0, len(parameters))), f"{draw(st.sampled_from(['rel', 'REL', 'Rel']))}={rel}")
    blank = draw(st.sampled_from(["", " "]))
    return f"<{address}>" + "".join(f"{blank};{blank}{it}" for it in parameters), address, relations


@given(
    st.lists(links(), min_size=1, max_size=4),
    st.sampled_from([",", ", ", " , ", ",,"]),
    st.sampled_from(["", ",", " , "]),
)
def test_every_link_is_found_by_each_of_its_relations(
    written: list[tuple[str, str, list[str]]], comma: str, tail: str
) -> None:
    found = parse_links(comma.join(text for text, _, _ in written) + tail)

    expected: dict[str, str] = {}
    for _, address, relations in written:
        for relation in relations:
            expected.setdefault(relation, address)
    assert found.targets == expected
    assert found.is_understood


@given(st.text(max_size=60))
def test_no_header_breaks_the_reader_or_ends_a_list_by_accident(header: str) -> None:
    found = parse_links(header)

    assert not found.ends_the_list or ("<" in header and found.is_understood)


@pytest.mark.parametrize(
    ("header", "ends"),
    [
        ('<a?page=1>; rel="first"', True),
        ('<a?page=1>; rel="prev", <a?page=1>; rel="first",', True),
        ("", False),
        ('</style.css>; rel="preload"', False),
        ('<a?page=1>; rel="first", <a?page=3; rel="next"', False),
        ('<a?page=1>; rel="first"; garbage"', False),
        ('<a?page=2>; rel="next"', False),
    ],
)
def test_only_a_header_about_paging_that_was_read_whole_ends_a_list(header: str, ends: bool) -> None:
    assert parse_links(header).ends_the_list is ends


@pytest.mark.parametrize("address", ["http://[broken", "?page=x", "?page=-1", "?page=" + "9" * 30, ""])
def test_an_address_that_names_no_page_still_says_that_there_is_one(address: str) -> None:
    found = parse_links(f"<{address}>; rel=next")

    assert found.next is not None
    assert not found.ends_the_list


def test_an_address_that_is_written_as_in_html_names_its_page() -> None:
    assert parse_links('</x?per_page=100&amp;page=2>; rel="next"').next == {"per_page": "100", "page": "2"}
