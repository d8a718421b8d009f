"""A Procore with one list whose paging, headers, faults and changes are drawn at random, and the truth about it.

Every request moves the clock by a second, and changes happen only between two requests. So the truth is known for
every moment, and a verdict can be compared with it. Of the signs that show where the list ends, one is always true: a
server with the same lie in every sign looks exactly like one that has no more records.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from random import Random
from typing import Any, NamedTuple

from support.clock import ManualClock
from support.scripted_server import Answer, Received, Wire, granted
from sync_worker.catalog import STREAMS
from sync_worker.catalog.spec import Envelope, FieldType, RecycleBin

COMPANY, PROJECT, OTHER = 9001, 7001, 7002
PER_PAGE = 4


class Kind(NamedTuple):
    """A stream of the catalog that is read in its own way, and a field of its records that holds text."""

    stream: str
    text: str


KINDS = {
    "whole": Kind("photo_albums", "name"),
    "changes": Kind("change_events", "title"),
    "days": Kind("notes_logs", "comment"),
    "unpaged": Kind("specification_sections", "label"),
    "data": Kind("budget_change_adjustment_line_items", "description"),
    "bin": Kind("correspondence_items", "description"),
}


@dataclass
class Life:
    """One record: when it existed and when it was edited, in seconds of the clock.

    One that `is_elsewhere` is of the other project, and was never in the list.
    """

    id: int
    day: date
    born: int
    spans: list[tuple[int, int | None]] = field(default_factory=list)
    edits: list[int] = field(default_factory=list)
    is_elsewhere: bool = False

    @property
    def is_alive(self) -> bool:
        return bool(self.spans) and self.spans[-1][1] is None

    def was_alive_throughout(self, first: int, last: int) -> bool:
        """Return True if it existed at every moment from `first` to `last`, both included."""
        return any(begin <= first and (end is None or end > last) for begin, end in self.spans)


@dataclass(frozen=True)
class Habits:
    """The behaviour of a server."""

    kind: str
    size: int
    per_page: bool = True
    link: str | None = "plain"
    total: str | None = "true"
    body: str | None = None
    beyond: str = "empty"
    order: str = "id"
    is_short_in_the_middle: bool = False
    change: float = 0.0
    trouble: float = 0.0
    forgets_bin: bool = False
    has_times: bool = True
    """True if records have the times of their creation and last change."""
    ahead_seconds: int = 0
    """Seconds by which the worker's clock is ahead of the server's."""

    @property
    def is_honest_and_quiet(self) -> bool:
        """Return True if it does what Procore documents, and nothing happens meanwhile."""
        says_all = self.per_page and (self.link in LINKS or self.link is None) and self.total in ("true", None)
        is_plain = not self.is_short_in_the_middle and not self.forgets_bin and self.beyond == "empty"
        return says_all and is_plain and not self.change and not self.trouble


LINKS = {
    "plain": '<{base}&page={page}>; rel="{rel}"',
    "comma": '<{base}&page={page}>; rel="{rel}",',
    "capitals": "<{base}&page={page}>;REL={REL}",
    "several": '<{base}&page={page}>; title="a, <b>; c"; rel="x {rel}"',
    "semicolons": '<{base};a,b&page={page}>; rel="{rel}"; type="x"',
    "elsewhere": '<https://elsewhere.example/x?page={page}>; rel="{rel}"',
    "no filters": '<?page={page}>; rel="{rel}"',
}
BROKEN_LINKS = {"open": '<{base}&page={page}; rel="{rel}"', "bare": "{base}&page={page}; rel={rel}"}
TROUBLES = ("500", "502 html", "504", "cut", "200 html", "200 empty", "200", "429", "403", "404", "403 html")


def draw_habits(random: Random) -> Habits:
    """Return habits with at least one true sign of the list's end."""
    kind = random.choice(sorted(KINDS))
    if random.random() < 0.3:
        size, link = random.choice([PER_PAGE, 2, 3, 1000]), random.choice([*LINKS, None])
        total = random.choice(["true", "true", None] if link else ["true"])
        if kind == "unpaged":
            link, size, total = None, 1000, None
        return Habits(kind, size, link=link, total=total)
    link = random.choice([*LINKS, *[None] * 4, *BROKEN_LINKS])
    total = random.choice(["true", "true", None, "first", "page", "less", "more"])
    size = random.choice([PER_PAGE, PER_PAGE, 2, 3])
    per_page = random.random() < 0.7 or (total in ("page", "less") and link not in LINKS)
    body = random.choice([None, "has_next_page", "pagination"]) if kind == "data" else None
    if kind == "unpaged":
        # Without paging there is one answer; where the server cuts it, it does so at a round length.
        size, link, total = random.choice([10, 1000]), random.choice([None, "plain"]), random.choice([None, "true"])
    return Habits(
        kind=kind,
        size=size,
        per_page=per_page,
        link=link,
        total=total,
        body=body,
        beyond=random.choice(["empty", "empty", "last again", "404"]),
        order=random.choice(["id", "id", "newest first", "last edited first"]),
        is_short_in_the_middle=link in LINKS and total in ("true", None) and random.random() < 0.2,
        change=random.choice([0.0, 0.0, 0.1, 0.4]),
        trouble=random.choice([0.0, 0.0, 0.05, 0.3]),
        forgets_bin=kind == "bin" and random.random() < 0.3,
        has_times=STREAMS[KINDS[kind].stream].cursor is not None or random.random() < 0.7,
        ahead_seconds=random.choice([0, 0, 60, 3600, -60]),
    )


class RandomServer:
    """A server with these habits; `lives` are all records that ever existed."""

    def __init__(self, random: Random, habits: Habits) -> None:
        self.random = random
        self.habits = habits
        self.spec = STREAMS[KINDS[habits.kind].stream]
        self._path = self.spec.path.replace("{project_id}", str(PROJECT)).replace("{company_id}", str(COMPANY))
        self.clock = ManualClock(datetime(2026, 3, 2, 6, 0, tzinfo=UTC))
        self.lives: dict[int, Life] = {}
        self._lock = threading.Lock()
        for _ in range(random.choice([0, 1, 3, 4, 8, 9, 10, 12, 20, 23])):
            self._create()
        self.pass_time(86_400)

    @property
    def moment(self) -> int:
        """Seconds since the beginning."""
        return int(self.clock.monotonic())

    def pass_time(self, seconds: int) -> None:
        """Let nothing happen for a while."""
        self.clock.advance(seconds)

    def change(self) -> None:
        """Delete, create, restore, edit or move in from the other project, one or two at once."""
        for _ in range(self.random.choice([1, 2, 2])):
            alive = [life for life in self.lives.values() if life.is_alive]
            gone = [life for life in self.lives.values() if life.spans and not life.is_alive]
            elsewhere = [life for life in self.lives.values() if life.is_elsewhere]
            act = self.random.choice(["create", "create", "delete", "delete", "edit", "restore", "move"])
            if act == "create" or not alive:
                self._create()
            elif act == "delete":
                life = self.random.choice(alive)
                life.spans[-1] = (life.spans[-1][0], self.moment)
            elif act == "edit":
                self.random.choice(alive).edits.append(self.moment)
            elif act == "move":
                self._move(elsewhere)
            elif gone:
                life = self.random.choice(gone)
                life.spans.append((self.moment, None))
                # A restored record that keeps its `updated_at` is found when the list is read whole, weekly.
                if self.spec.cursor is not None or self.random.random() < 0.5:
                    life.edits.append(self.moment)

    def script(self, received: Received) -> Answer | Wire:
        """Answer a request."""
        with self._lock:
            self.clock.advance(1)
            return self._answer(received)

    def is_visible(self, id_: int) -> bool:
        """Return True if the account may see a record."""
        return not self.habits.is_short_in_the_middle or id_ % 5 != 0

    def record(self, life: Life) -> dict[str, Any]:
        """Return a record as it is sent."""
        gone_at = life.spans[-1][1] if life.spans else None
        edited = max(life.edits, default=life.born)
        times = {"created_at": self._text(life.born), "updated_at": self._text(edited)} if self.habits.has_times else {}
        return {
            "id": life.id if self.spec.fields["id"] is FieldType.INTEGER else str(life.id),
            KINDS[self.habits.kind].text: f"{life.id} as of {edited}",
            "date": life.day.isoformat(),
            "deleted_at": None if gone_at is None else self._text(gone_at),
            **times,
        }

    def _create(self, *, is_elsewhere: bool = False) -> None:
        day = self.clock.now().date() - timedelta(days=self.random.randint(0, 20))
        spans: list[tuple[int, int | None]] = [] if is_elsewhere else [(self.moment, None)]
        life = Life(1 + len(self.lives), day, self.moment, spans, is_elsewhere=is_elsewhere)
        self.lives[life.id] = life

    def _move(self, elsewhere: Sequence[Life]) -> None:
        """Move in a record of the other project, or create one there if it has none."""
        if not elsewhere:
            self._create(is_elsewhere=True)
            return
        life = self.random.choice(elsewhere)
        life.is_elsewhere = False
        life.spans.append((self.moment, None))
        # As for a restored record: a filter by `updated_at` finds it if that moves, else the whole list does.
        if self.spec.cursor is not None or self.random.random() < 0.5:
            life.edits.append(self.moment)

    def _answer(self, received: Received) -> Answer | Wire:
        if received.path == "/oauth/token":
            return granted()
        if received.path == STREAMS["companies"].path:
            return self._plain([{"id": COMPANY, "name": "C", "is_active": True}])
        if received.path == STREAMS["projects"].path:
            day = "2026-01-01"
            projects = (PROJECT, OTHER)
            return self._plain(
                [{"id": it, "name": "P", "active": True, "start_date": day, "created_at": None} for it in projects]
            )
        if received.path != self._path or received.params.get("project_id") == str(OTHER):
            return self._elsewhere(received)
        if self.random.random() < self.habits.change:
            self.change()
        if self.random.random() < self.habits.trouble:
            return self._trouble(self.random.choice(TROUBLES), received)
        return self._page(received)

    def _elsewhere(self, received: Received) -> Answer:
        """Answer a request for another list: the other project's list, or an empty one."""
        path = self.spec.path.replace("{project_id}", str(OTHER)).replace("{company_id}", str(COMPANY))
        bin_ = self.spec.deletes.query if isinstance(self.spec.deletes, RecycleBin) else {}
        asks_bin = bool(bin_) and all(received.params.get(name) == value for name, value in bin_.items())
        if received.path != path or asks_bin:
            return self._plain([])
        records = [self.record(life) for life in self.lives.values() if life.is_elsewhere]
        body = json.dumps({"data": records} if self.spec.envelope is Envelope.DATA else records).encode()
        return Answer(body, headers={"Date": self._date(), "Total": str(len(records)), "Per-Page": "100"})

    def _plain(self, records: Sequence[Mapping[str, Any]], **headers: str) -> Answer:
        said = {"Date": self._date(), "Total": str(len(records)), "Per-Page": "100", **headers}
        return Answer(json.dumps(records).encode(), headers=said)

    def _page(self, received: Received) -> Answer:
        habits, query = self.habits, received.params
        found = list(self._selected(query))
        asked = int(query.get("per_page", habits.size))
        size = min(habits.size, asked)
        number = int(query.get("page", 1))
        last = max(1, -(-len(found) // size))
        if number > last and habits.beyond == "last again":
            number = last
        elif number > last and habits.beyond == "404":
            return Answer(b'{"errors": "Not Found"}', 404, {"Date": self._date()})
        records = found[(number - 1) * size : number * size]
        if habits.is_short_in_the_middle:
            # The server leaves out what may not be seen after it has cut the page.
            found, records = ([it for it in some if self.is_visible(int(it["id"]))] for some in (found, records))
        headers = {"Date": self._date(), "Per-Page": str(size) if habits.per_page else ""}
        headers |= self._total(len(found), len(records), number)
        if habits.link is not None:
            headers["Link"] = self._links(received, number, last)
        return Answer(self._body(records, number, last, len(found)), headers=headers)

    def _selected(self, query: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        bin_ = self.spec.deletes.query if isinstance(self.spec.deletes, RecycleBin) else {}
        asks_bin = bool(bin_) and all(query.get(name) == value for name, value in bin_.items())
        bin_only = asks_bin and not self.habits.forgets_bin
        with_deleted = query.get("filters[include_deleted]") == "with"
        window = query.get("filters[updated_at]", "...").split("...")
        orders: dict[str, Callable[[Life], Any]] = {
            "id": lambda life: life.id,
            "newest first": lambda life: -life.id,
            "last edited first": lambda life: (-max(life.edits, default=life.born), life.id),
        }
        for life in sorted(self.lives.values(), key=orders[self.habits.order]):
            if not life.spans or (not with_deleted and life.is_alive is bin_only):
                continue
            record = self.record(life)
            if window[0] and not window[0] <= record["updated_at"] <= window[1]:
                continue
            if "start_date" in query and not query["start_date"] <= record["date"] <= query["end_date"]:
                continue
            yield record

    def _total(self, total: int, on_page: int, number: int) -> dict[str, str]:
        said = {
            "true": total,
            "page": on_page,
            "less": max(0, total - 2),
            "more": total + 2,
            "first": total if number == 1 else None,
            None: None,
        }[self.habits.total]
        return {} if said is None else {"Total": str(said)}

    def _links(self, received: Received, number: int, last: int) -> str:
        form = {**LINKS, **BROKEN_LINKS}[str(self.habits.link)]
        pages = {"first": 1, "prev": number - 1, "next": number + 1}
        shown = {rel: page for rel, page in pages.items() if 1 <= page <= last}
        base = f"{received.path}?per_page={self.habits.size}"
        return ", ".join(form.format(base=base, page=page, rel=rel, REL=rel.upper()) for rel, page in shown.items())

    def _body(self, records: Sequence[Mapping[str, Any]], number: int, last: int, total: int) -> bytes:
        if self.spec.envelope is not Envelope.DATA:
            return json.dumps(records).encode()
        extras: dict[str, Any] = {}
        if self.habits.body == "has_next_page":
            extras = {"has_next_page": number < last}
        elif self.habits.body == "pagination":
            extras = {"pagination": {"current_page": number, "total_pages": last, "total_count": total}}
        return json.dumps({"data": records, **extras}).encode()

    def _trouble(self, kind: str, received: Received) -> Answer | Wire:
        if kind == "cut":
            return Wire(b"".join(self._page(received).pieces())[:-3])
        status, _, form = kind.partition(" ")
        body = {"html": b"<html>no</html>", "empty": b""}.get(form, b'{"errors": ["no"]}')
        said = {"Date": self._date(), "Content-Type": "text/html" if form == "html" else "application/json"}
        return Answer(body, int(status), said | ({"Retry-After": "7"} if status == "429" else {}))

    def _date(self) -> str:
        return format_datetime(self.clock.now(), usegmt=True)

    def _text(self, moment: int) -> str:
        start = self.clock.now() - timedelta(seconds=self.clock.monotonic())
        return (start + timedelta(seconds=moment)).strftime("%Y-%m-%dT%H:%M:%SZ")
