"""Names and phrases of the construction trade for the records; every company and person is invented."""

from __future__ import annotations

from typing import NamedTuple

COMPANIES = ("Halvorsen Ridge Builders", "Tamarack & Stone Construction", "Cobalt Mesa Contractors")

FIRST_NAMES = (
    "Maria", "James", "Aisha", "Robert", "Linh", "Michael", "Zoë", "David", "Priya", "Thomas", "José", "Karen",
    "Renée", "Daniel", "Sinéad", "Marcus", "Elena", "Kevin", "Søren", "Angela", "Łukasz", "Patricia", "Tyrone",
    "Hannah", "Björn", "Denise", "Wei", "Carlos", "Megan", "Omar", "Grace", "Victor", "Naomi", "Peter", "Amélie",
    "Samuel", "Yuki", "Dana", "Andre", "Rosa",
)  # fmt: skip
LAST_NAMES = (
    "Okafor", "Lindqvist", "Delgado", "Whitaker", "Nguyễn", "Abernathy", "Müller", "Castellanos", "O'Rourke",
    "Patel", "Vasquez", "Kowalczyk", "Beaumont", "Ferreira", "Hollis", "Nakamura", "Stroud", "Papadakis", "Garza",
    "Ivanović", "Brennan", "Yoder", "Mbeki", "Fontaine", "Sandoval", "Pruitt", "Haddad", "Thibodeaux", "Reyes",
    "Larsen", "Chowdhury", "McAllister", "Ortega", "Voss", "Dufresne", "Amundsen", "Kimura", "Baptiste", "Núñez",
    "Eriksen",
)  # fmt: skip

STAFF_TITLES = (
    "Project Manager", "Superintendent", "Project Engineer", "Assistant Project Manager", "Senior Project Manager",
    "Field Engineer", "Safety Manager", "Project Accountant", "Project Executive", "Quality Control Manager",
    "Estimator", "VDC Manager", "Assistant Superintendent", "Contract Administrator",
)  # fmt: skip
VENDOR_TITLES = ("Foreman", "Project Manager", "Owner", "Estimator", "General Foreman", "Office Manager")


class Trade(NamedTuple):
    """A trade, the division of its cost codes and the tail of its companies' names.

    `percent` is its usual part of a project's cost, `begins` the part of a project's life that is over when it starts.
    """

    name: str
    code: str
    cost_code: str
    suffix: str
    percent: float = 0.0
    begins: float = 0.0

    @property
    def section(self) -> str:
        """The number of its specification section."""
        return f"{self.code[:2]} {self.code[3:5]} 00"


TRADES = (
    Trade("Concrete", "03-300", "Cast-in-Place Concrete", "Concrete", 11.0, 0.08),
    Trade("Masonry", "04-200", "Unit Masonry", "Masonry", 3.0, 0.25),
    Trade("Structural Steel", "05-120", "Structural Steel Framing", "Steel", 9.0, 0.16),
    Trade("Rough Carpentry", "06-100", "Rough Carpentry", "Framing", 2.5, 0.3),
    Trade("Millwork", "06-400", "Architectural Woodwork", "Millwork", 2.0, 0.65),
    Trade("Roofing", "07-500", "Membrane Roofing", "Roofing", 3.5, 0.35),
    Trade("Glazing", "08-400", "Entrances and Storefronts", "Glass", 5.5, 0.4),
    Trade("Doors & Hardware", "08-700", "Door Hardware", "Door & Hardware", 1.5, 0.55),
    Trade("Drywall", "09-290", "Gypsum Board", "Drywall", 7.0, 0.45),
    Trade("Flooring", "09-650", "Resilient Flooring", "Flooring", 2.5, 0.68),
    Trade("Painting", "09-900", "Painting and Coating", "Painting", 1.5, 0.62),
    Trade("Elevators", "14-200", "Elevators", "Elevator", 2.0, 0.5),
    Trade("Fire Protection", "21-130", "Fire-Suppression Sprinkler Systems", "Fire Protection", 2.0, 0.38),
    Trade("Plumbing", "22-400", "Plumbing Fixtures", "Plumbing", 6.0, 0.2),
    Trade("HVAC", "23-300", "HVAC Air Distribution", "Mechanical", 11.5, 0.3),
    Trade("Electrical", "26-050", "Common Work Results for Electrical", "Electric", 10.5, 0.15),
    Trade("Low Voltage", "27-100", "Structured Cabling", "Technologies", 2.0, 0.55),
    Trade("Earthwork", "31-200", "Earth Moving", "Excavating", 4.5, 0.02),
    Trade("Paving", "32-120", "Flexible Paving", "Paving", 1.5, 0.75),
    Trade("Landscaping", "32-900", "Planting", "Landscape", 1.0, 0.8),
)
DESIGN_TRADES = (
    Trade("Architect", "01-100", "Architectural Design", "Architects"),
    Trade("Structural Engineer", "01-110", "Structural Engineering", "Structural Engineers"),
    Trade("MEP Engineer", "01-120", "Mechanical and Electrical Engineering", "Consulting Engineers"),
    Trade("Civil Engineer", "01-130", "Civil Engineering", "Civil"),
)
OWNER_TRADE = Trade("Owner", "01-000", "Owner", "")
ALL_TRADES = (*TRADES, *DESIGN_TRADES, OWNER_TRADE)
DESIGNERS = (
    ("Ellery Marsh Architects", "Architect"), ("Studio Verdigris Architecture", "Architect"),
    ("Tolland Structural Engineers", "Structural Engineer"), ("Brace & Field Structural", "Structural Engineer"),
    ("Kestrel MEP Consultants", "MEP Engineer"), ("Ampere Hollow Engineering", "MEP Engineer"),
    ("Rill Civil Group", "Civil Engineer"),
)  # fmt: skip
"""The firms that answer questions, by what they design."""
DESIGNER_TITLES = {
    "Architect": ("Project Architect", "Architect of Record"),
    "Structural Engineer": ("Structural Engineer", "Engineer of Record"),
    "MEP Engineer": ("Mechanical Engineer", "Electrical Engineer"),
    "Civil Engineer": ("Civil Engineer", "Survey Manager"),
    "Owner": ("Owner's Representative",),
}
VENDOR_STEMS = (
    "Copper Fork", "Bluestem", "Iron Gate", "Prairie Sky", "Northline", "Three Rivers", "Sandhill", "Keystone Bluff",
    "Larkspur", "Red Cedar", "Summit Vale", "Otter Creek", "Juniper", "Granite Falls", "Whitetail", "Harbor Point",
    "Cañon City", "Meridian", "Silver Birch", "Wolf River",
)  # fmt: skip
VENDOR_ENDINGS = ("Inc.", "LLC", "Co.", "Contractors, Inc.", "Group")


class Site(NamedTuple):
    """A project as it is known in the office."""

    name: str
    kind: str
    city: str
    state: str
    zip: str
    county: str
    time_zone: str
    latitude: float
    longitude: float
    value: int
    street: str


SITES = (
    Site("Lakeview Medical Office Building", "Healthcare", "Aurora", "IL", "60504", "DuPage", "America/Chicago",
         41.7606, -88.3201, 38_400_000, "2150 Ogden Ave"),
    Site("Ballard Elementary School Addition", "Education", "Plano", "TX", "75074", "Collin", "America/Chicago",
         33.0198, -96.6989, 17_900_000, "601 E 16th St"),
    Site("Mercado Row Apartments", "Multifamily", "Tempe", "AZ", "85281", "Maricopa", "America/Phoenix",
         33.4255, -111.94, 61_250_000, "1020 S Mill Ave"),
    Site("Fox Hollow Distribution Center", "Industrial", "Joliet", "IL", "60433", "Will", "America/Chicago",
         41.525, -88.0817, 44_700_000, "3301 S Chicago St"),
    Site("Peña Station Hotel", "Hospitality", "Denver", "CO", "80249", "Denver", "America/Denver",
         39.7392, -104.9903, 52_800_000, "6150 Panasonic Way"),
    Site("Riverbend Wastewater Plant Upgrade", "Infrastructure", "Des Moines", "IA", "50309", "Polk",
         "America/Chicago", 41.5868, -93.625, 29_300_000, "3000 Vandalia Rd"),
    Site("Cascade Credit Union Headquarters", "Commercial Office", "Bellevue", "WA", "98004", "King",
         "America/Los_Angeles", 47.6101, -122.2015, 47_150_000, "411 108th Ave NE"),
    Site("Old Mill Lofts Renovation", "Multifamily", "Lowell", "MA", "01852", "Middlesex", "America/New_York",
         42.6334, -71.3162, 23_600_000, "165 Jackson St"),
    Site("St. Brigid Surgical Center", "Healthcare", "Omaha", "NE", "68114", "Douglas", "America/Chicago",
         41.2565, -95.9345, 33_900_000, "7500 Mercy Rd"),
    Site("Harlan County Justice Center", "Civic", "Bozeman", "MT", "59715", "Gallatin", "America/Denver",
         45.677, -111.0429, 41_800_000, "615 S 16th Ave"),
    Site("Brightwater Grocery #214", "Retail", "Raleigh", "NC", "27609", "Wake", "America/New_York",
         35.7796, -78.6382, 9_450_000, "4421 Six Forks Rd"),
    Site("Data Hall 3 Fit-Out", "Mission Critical", "Ashburn", "VA", "20147", "Loudoun", "America/New_York",
         39.0438, -77.4874, 78_500_000, "21550 Beaumeade Cir"),
)  # fmt: skip

PROJECT_KINDS = tuple(dict.fromkeys(site.kind for site in SITES))
OWNER_TYPES = ("Private", "Public", "Institutional")
BID_TYPES = ("Negotiated", "Hard Bid", "Design-Build")
TEMPLATES = ("Project Manager", "Field Staff", "Subcontractor", "Read Only")
SUBMITTAL_STATUSES = ("Open", "Closed", "Draft")
TIME_TYPES = ("Regular Time", "Overtime", "Double Time")
COST_TYPES = ("Labor", "Materials", "Commitment", "Equipment", "Other")
BASE_TYPES = {"Materials": "materials", "Commitment": "commitment", "Equipment": "equipment"}
CHANGE_REASONS = ("Client Request", "Design Development", "Unforeseen Condition", "Allowance", "Code Requirement")
PUNCH_TYPES = ("Architectural", "MEP", "Owner")
INSPECTION_TYPES = ("Quality", "Safety", "Commissioning", "Environmental")
OBSERVATION_TYPES = (
    ("Safety", "Fall Protection"), ("Safety", "Housekeeping"), ("Safety", "Fire Protection"),
    ("Quality", "Workmanship"), ("Quality", "Firestopping"), ("Commissioning", "Functional Test"),
    ("Work to Complete", "Erosion Control"),
)  # fmt: skip
UNITS = (
    ("ls", "Lump Sum", "Amount"), ("ea", "Each", "Amount"), ("sf", "Square Feet", "Area"),
    ("lf", "Linear Feet", "Length"), ("cy", "Cubic Yards", "Volume"), ("hr", "Hours", "Time"),
    ("ton", "Tons", "Weight"),
)  # fmt: skip
UNIT_CATEGORIES = tuple(dict.fromkeys(category for _, _, category in UNITS))
TAXES = (("IL", "Illinois sales tax", "6.25"), ("CO", "Colorado sales tax", "2.9"), ("EX", "Exempt", "0.0"))
DISCIPLINES = (
    ("Architectural", "A"), ("Structural", "S"), ("Mechanical", "M"), ("Electrical", "E"), ("Plumbing", "P"),
    ("Civil", "C"),
)  # fmt: skip
PLAN_STEPS = ("Approve mock-up", "Witness pressure test", "Inspect rebar", "Sign off fireproofing", "Review submittal")
MILESTONES = ("Notice to Proceed", "Mobilization", "Topping Out", "Substantial Completion", "Final Completion")
OWNERS = (
    "Lakeview Physicians Partners", "Ballard Park Independent School District", "Mercado Row Holdings LLC",
    "Fox Hollow Logistics Partners", "Station Hospitality LLC", "Riverbend Water Reclamation Authority",
    "Cascade Ridge Credit Union", "Old Mill Lofts LLC", "St. Brigid Health", "Harlan County",
    "Brightwater Grocery Co.", "Northgate Data Centers",
)  # fmt: skip
"""The owner of each site."""
BRANCHES = {
    "IL": ("Midwest", "Chicago Office"), "IA": ("Midwest", "Chicago Office"), "NE": ("Midwest", "Chicago Office"),
    "TX": ("South", "Denver Office"), "AZ": ("West", "Denver Office"), "CO": ("Mountain", "Denver Office"),
    "WA": ("West", "Denver Office"), "MT": ("Mountain", "Denver Office"), "MA": ("East", "Raleigh Office"),
    "NC": ("East", "Raleigh Office"), "VA": ("East", "Raleigh Office"),
}  # fmt: skip
"""The region of a state, and the office that builds there."""
REGIONS, OFFICES = (tuple(dict.fromkeys(names)) for names in zip(*BRANCHES.values(), strict=True))

STAGES = {
    "Pre-Construction": (10, 60),
    "Course of Construction": (120, 400),
    "Post-Construction": (560, 620),
    "Warranty": (760, 900),
}
"""Each with how many days ago a project that has come so far began."""
STAGES_IN_TURN = ("Course of Construction", "Pre-Construction", "Course of Construction", "Post-Construction",
                  "Course of Construction")  # fmt: skip
ROLES = (
    "Architect", "Owner", "Project Manager", "Superintendent", "Project Executive", "Structural Engineer",
    "MEP Engineer", "Civil Engineer", "Inspector", "Safety Officer", "Owner's Representative", "Accountant",
)  # fmt: skip
AREAS = ("Level 1", "Level 2", "Level 3", "Roof", "Site", "Basement")
_INDOORS = ("Corridor", "Mechanical Room", "Stair A", "Stair B", "Restrooms", "Electrical Room", "Conference",
            "Elevator Lobby", "Open Office", "Break Room", "East Wing", "West Wing")  # fmt: skip
ROOMS = {
    "Level 1": ("Lobby", "Vestibule", *_INDOORS),
    "Level 2": _INDOORS,
    "Level 3": _INDOORS,
    "Roof": ("Penthouse", "Roof Drain Area", "Equipment Curbs", "Parapet"),
    "Site": ("Parking Lot", "Loading Dock", "Entry Drive", "Storm Basin", "Trash Enclosure"),
    "Basement": ("Mechanical Room", "Electrical Room", "Storage", "Elevator Pit", "Stair A"),
}

RFI_SUBJECTS = (
    ("Conflict between structural beam and main duct at grid {grid}", "HVAC", "Structural Engineer"),
    ("Door {door} hardware set not listed in schedule", "Doors & Hardware", "Architect"),
    ("Confirm slab depression at {room}", "Concrete", "Structural Engineer"),
    ("Missing dimension on A-{sheet} at column line {grid}", "Drywall", "Architect"),
    ("Fire rating of shaft wall at {room}", "Drywall", "Architect"),
    ("Substitute for discontinued light fixture type F{n}", "Electrical", "MEP Engineer"),
    ("Anchor bolt layout does not match base plate at {grid}", "Structural Steel", "Structural Engineer"),
    ("Waterproofing termination at {room}", "Roofing", "Architect"),
    ("Clarify paint colour in {room} – finish schedule vs. elevation", "Painting", "Architect"),
    ("Ceiling height conflict with sprinkler main in {room}", "Fire Protection", "MEP Engineer"),
    ("Storm line invert elevation at manhole MH-{n}", "Earthwork", "Civil Engineer"),
    ("Owner-furnished equipment rough-in at {room}", "Plumbing", "MEP Engineer"),
    ("Curtain wall embed spacing on S-{sheet}", "Glazing", "Structural Engineer"),
    ("Rebar congestion at footing {grid}", "Concrete", "Structural Engineer"),
    ("Access panel location in {room} ceiling", "HVAC", "Architect"),
    ("Roof drain overflow routing near grid {grid}", "Plumbing", "MEP Engineer"),
    ("Panel LP-{n} feeder size differs between E-{sheet} and the one-line", "Electrical", "MEP Engineer"),
    ("Elevator pit sump discharge location", "Elevators", "MEP Engineer"),
    ("Flooring transition between {room} and corridor", "Flooring", "Architect"),
    ("Fire lane turning radius at entry drive", "Paving", "Civil Engineer"),
)
"""The question, the trade that asks, and the firm that answers."""
SUBMITTALS = {
    "Concrete": ("Mix Design – 4,000 psi Slab", "Reinforcing Steel Shop Drawings", "Vapor Barrier Product Data"),
    "Masonry": ("Face Brick Samples", "Mortar and Grout Product Data", "Masonry Anchors Product Data"),
    "Structural Steel": ("Structural Steel Shop Drawings", "Metal Deck Shop Drawings", "Welder Certificates"),
    "Rough Carpentry": ("Fire-Treated Blocking Product Data", "Roof Sheathing Product Data"),
    "Millwork": ("Casework Shop Drawings", "Plastic Laminate Samples", "Reception Desk Shop Drawings"),
    "Roofing": ("TPO Membrane Product Data", "Roof Insulation Layout", "Roofing Warranty"),
    "Glazing": ("Curtain Wall Shop Drawings", "Insulated Glass Samples", "Storefront Shop Drawings"),
    "Doors & Hardware": ("Door Hardware Schedule", "Hollow Metal Frames Shop Drawings"),
    "Drywall": ("Gypsum Board Product Data", "Acoustical Ceiling Tile Samples", "Firestop Systems Product Data"),
    "Flooring": ("LVT Samples", "Moisture Test Reports", "Carpet Tile Samples"),
    "Painting": ("Paint Draw-Downs", "Epoxy Floor Coating Product Data"),
    "Elevators": ("Elevator Shop Drawings", "Cab Finish Samples"),
    "Fire Protection": ("Sprinkler Shop Drawings", "Sprinkler Hydraulic Calculations", "Fire Pump Product Data"),
    "Plumbing": ("Plumbing Fixtures Product Data", "Domestic Water Heater Product Data", "Valve Schedule"),
    "HVAC": ("Rooftop Units Product Data", "Ductwork Shop Drawings", "VAV Boxes Product Data", "TAB Report"),
    "Electrical": ("Switchgear Shop Drawings", "Light Fixtures Product Data", "Generator Product Data"),
    "Low Voltage": ("Structured Cabling Product Data", "Access Control Shop Drawings"),
    "Earthwork": ("Structural Fill Proctor Tests", "Dewatering Plan"),
    "Paving": ("Asphalt Mix Design", "Detectable Warning Samples"),
    "Landscaping": ("Plant List", "Irrigation Shop Drawings"),
}
PACKAGES = (
    ("Switchgear and Panelboards", "Electrical", 2.2), ("Rooftop Units", "HVAC", 2.0),
    ("Light Fixture Package", "Electrical", 1.1), ("Steel Joists and Deck", "Structural Steel", 1.6),
    ("Doors, Frames and Hardware", "Doors & Hardware", 0.7), ("Emergency Generator", "Electrical", 0.9),
    ("Plumbing Fixture Package", "Plumbing", 0.6), ("Acoustical Ceiling Materials", "Drywall", 0.4),
)  # fmt: skip
"""The material that is bought, the trade, and its cost in percent of the project."""
PUNCH_NAMES = (
    "Touch up paint at door frame", "Replace cracked ceiling tile", "Adjust door closer", "Clean grout haze",
    "Missing cover plate", "Caulk joint at window sill", "Repair drywall damage behind door", "Level carpet tile",
    "Secure loose handrail bracket", "Replace scratched glass lite", "Label electrical panel", "Balance diffuser",
    "Patch fireproofing", "Re-hang misaligned cabinet door", "Install missing escutcheon", "Remove protective film",
)  # fmt: skip
MEETING_SERIES = (
    ("OAC Meeting", "Jobsite trailer"), ("Subcontractor Coordination", "Jobsite trailer"),
    ("Weekly Safety Meeting", "Level 1 Lobby"), ("MEP Coordination", "Video call"),
    ("Pre-Installation Meeting", "Jobsite trailer"),
)  # fmt: skip
MANPOWER_NOTES = (
    "", "", "Crew short two – sick.", "Worked 10s to recover schedule.", "Delivery late; crew moved to Level 3.",
    "Punch and clean-up.",
)  # fmt: skip
MANPOWER_NOTES_OF = {
    "Concrete": ("Poured and finished east half of slab.", "Set forms and rebar for grade beams."),
    "Masonry": ("Layout and first course.", "Laid block at Stair A to 8 ft."),
    "Structural Steel": ("Erected sequence 3.", "Bolted up and plumbed grid lines 4 to 7."),
    "Drywall": ("Hung board on Level 2.", "Framing east corridor, top track complete."),
    "Plumbing": ("Continued rough-in on Level 2.", "Tested domestic water, Level 1."),
    "HVAC": ("Overhead duct above corridor ceilings.", "Set RTU-2 with crane."),
    "Electrical": ("Continued rough-in on Level 2.", "Pulled feeders to LP-2."),
    "Earthwork": ("Backfilled north wall.", "Proof-rolled parking lot subgrade."),
}
ALBUMS = ("Progress", "Safety", "Deliveries", "Concrete Pours", "Punch", "Drone", "Unclassified")
SCHEDULE_PHASES = (
    ("Preconstruction", ("Notice to Proceed", "Building Permit", "Mobilize")),
    ("Sitework", ("Clear and Grub", "Mass Excavation", "Underground Utilities", "Site Paving")),
    ("Structure", ("Footings", "Foundation Walls", "Slab on Grade", "Erect Structural Steel", "Metal Deck",
                   "Elevated Slabs")),
    ("Enclosure", ("Exterior Framing", "Roofing – Dry-In", "Curtain Wall", "Brick Veneer")),
    ("Interiors", ("MEP Rough-In", "Frame Walls", "Hang Drywall", "Tape and Finish", "Prime and Paint", "Flooring",
                   "Ceiling Grid", "Casework", "Fixtures and Trim")),
    ("Closeout", ("Commissioning", "Punch List", "Final Inspections", "Substantial Completion", "Owner Training")),
)  # fmt: skip

ONE_OF: dict[str, tuple[str, ...]] = {
    "sky": ("Clear", "Partly Cloudy", "Overcast", "Rain"), "temperature": ("28 °F", "46 °F", "61 °F", "74 °F", "93 °F"),
    "wind": ("Calm", "Light Breeze", "Strong Wind"), "precipitation": ("None", "Rain", "Snow"),
    "ground": ("Dry", "Wet", "Muddy", "Frozen"), "average": ("Good", "Fair"), "material": ("Concrete", "Gypsum"),
    "area": AREAS, "ownership": ("Owned", "Rented"), "timesheet_status": ("pending", "approved", "reviewed"),
    "delay_type": ("Weather", "Material", "Owner"), "method_of_disposal": ("Landfill", "Recycled"),
    "inspecting_entity": ("City of record", "Special inspector"), "issue_type": ("clash", "general"),
    "event_type": ("tbd", "allowance", "contingency", "owner_change"), "direct_cost_type": ("invoice", "expense"),
    "extended_type": ("manual", "calculated"), "bid_status": ("submitted", "undecided", "will_bid"),
}  # fmt: skip

PHRASES: dict[str, tuple[str, ...]] = {
    "classification": ("Journeyman", "Foreman", "Apprentice", "Superintendent"),
    "incident": (
        "Laceration to left hand while cutting stud",
        "Slip on icy stair, no injury",
        "Struck-by near miss during crane pick",
        "Utility strike – unmarked conduit",
    ),
    "accident": ("Twisted ankle at laydown area", "Minor cut, first aid on site"),
    "safety": ("No tie-off above 6 ft", "Missing guardrail at slab edge", "Extension cord without GFCI"),
    "observation": (
        "Fall protection not in use at leading edge",
        "Housekeeping in corridor",
        "Fire extinguisher inspection overdue",
        "Improper ladder set-up",
        "Firestop incomplete",
    ),
    "inspection": (
        "Pre-Pour Concrete Inspection",
        "Above-Ceiling Inspection",
        "Weekly Safety Walk",
        "Waterproofing Inspection",
        "Fire Alarm Pre-Test",
    ),
    "change": (
        "Owner-requested lobby revisions",
        "Unsuitable soil at footing F12",
        "Added receptacles in Level 2",
        "Bulletin 04 – Revised storefront",
        "Winter conditions",
        "Fire marshal comments",
    ),
    "potential": ("RFI 014 – additional steel", "Bulletin 02 – Revised storefront", "Relocate panel LP-2"),
    "commitment_change": ("Overtime to recover schedule", "Bulletin 04 – Revised storefront", "Added receptacles"),
    "delay": ("Rain – 0.8 in overnight", "Late steel delivery", "Crane down for wind"),
    "weather": ("Clear, light wind", "Overcast with drizzle", "High wind after noon"),
    "visitor": ("Owner walk", "City inspector", "Architect site visit"),
    "delivery": ("Rebar bundles", "Drywall – 3 lifts", "Rooftop unit RTU-2", "Door frames"),
    "dumpster": ("30 yd mixed debris pulled", "Clean concrete to recycler"),
    "waste": ("Gypsum scrap", "Cardboard", "Metal studs"),
    "equipment": ("Scissor lift – 26 ft", "Tower crane TC-1", "Telehandler", "Mini excavator"),
    "quantity": ("CMU laid", "Conduit installed", "Cubic yards placed"),
    "productivity": ("Overhead duct, Level 2", "Partition framing, East Wing"),
    "drawing": (
        "First Floor Plan",
        "Enlarged Restroom Plans",
        "Foundation Plan",
        "Roof Framing Plan",
        "Power Plan – Level 2",
        "Mechanical Schedules",
    ),
    "specification": ("Cast-in-Place Concrete", "Membrane Roofing", "Door Hardware", "Gypsum Board"),
    "document": ("Soils Report.pdf", "Logistics Plan.pdf", "Contract Documents", "Closeout"),
    "form": ("Hot Work Permit", "Daily Crane Checklist", "Pre-Task Plan"),
    "plan": ("Concrete QA/QC Plan", "Curtain Wall Mock-up Plan", "ASI 07 issued"),
    "task": ("Send revised look-ahead", "Confirm permit closure", "Order long-lead gear"),
    "bid": ("BP 03 – Concrete", "BP 09 – Drywall & ACT", "BP 26 – Electrical"),
    "correspondence": ("Notice of Delay", "Transmittal – Sealed Drawings", "Request for Extension of Time"),
    "coordination": ("Duct vs. beam at C-4", "Cable tray vs. sprinkler main", "Pipe through shear wall"),
    "invoice": ("Application for Payment",),
    "requisition": ("Application for Payment",),
    "direct_cost": ("Dumpster rental", "Temporary power", "Small tools", "Surveying"),
    "purchase_order": ("Switchgear package", "Rooftop units", "Light fixture package"),
    "prime": ("Prime Contract – GMP",),
    "billing": ("Monthly billing",),
    "budget": ("Transfer from contingency", "GMP budget"),
    "timecard": ("Regular shift", "Overtime – pour day"),
    "call": ("Call with structural engineer", "Call with city utilities"),
    "note": ("Crews finished early for the holiday.", "Power outage 10:15–11:40.", "Owner asked for noise limits."),
    "work": ("Formed and poured grade beams", "Hung board on Level 2"),
    "log": ("Nothing unusual.",),
    "department": ("Operations", "Preconstruction", "Special Projects", "Safety"),
    "office": ("Chicago Office", "Denver Office", "Raleigh Office"),
    "program": ("Healthcare Program", "K-12 Bond 2025"),
    "cost_code_list": ("Master Cost Codes", "Civil Cost Codes"),
    "generic_tool": ("Transmittals", "Notices", "Owner Directives"),
    "custom_field": ("Discipline", "Priority reason", "Owner visible"),
}
