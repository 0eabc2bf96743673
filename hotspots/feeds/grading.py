"""Intelligence gradings: 3x5x2 as it is, legacy 5x5x5 mapped explicitly.

The College of Policing replaced 5x5x5 by 3x5x2 in 2016 without an official one-to-one table.
The mapping here never raises confidence: where a legacy grade straddles two new ones it takes
the weaker, and where legacy handling carried any condition it takes ``C``.
"""

from __future__ import annotations

#: Source: 1 reliable, 2 untested, 3 not reliable. Legacy A always, B mostly, C sometimes
#: reliable, D unreliable, E untested.
SOURCE_GRADES = {
    "1": "1", "2": "2", "3": "3",
    "A": "1", "B": "1", "C": "2", "D": "3", "E": "2",
}  # fmt: skip
#: Information: A known directly, B known indirectly but corroborated, C known indirectly,
#: D not known, E suspected false. Legacy 1 known to be true, 2 known personally to the source,
#: 3 not known personally but corroborated, 4 cannot be judged, 5 suspected false.
INFORMATION_GRADES = {
    "A": "A", "B": "B", "C": "C", "D": "D", "E": "E",
    "1": "A", "2": "A", "3": "B", "4": "D", "5": "E",
}  # fmt: skip
#: Handling: P lawful sharing permitted, C permitted with conditions. Legacy 1 to 3 permitted
#: dissemination to stated kinds of recipient, 4 within the originating force only, 5 with
#: conditions; only 1 is free of any limit.
HANDLING_CODES = {
    "P": "P", "C": "C",
    "1": "P", "2": "C", "3": "C", "4": "C", "5": "C",
}  # fmt: skip
