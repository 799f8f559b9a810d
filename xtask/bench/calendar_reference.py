"""Bare reference of the calendar benchmark: icalendar and recurring-ical-events on the same file.

usage: calendar_reference.py FILE [RUNS], after `pip install icalendar recurring-ical-events`.
Prints how long reading and laying out four weeks from 2026-11-02 takes, the median of the runs.
"""

import datetime
import statistics
import sys
import time

import icalendar
import recurring_ical_events

FROM = datetime.datetime(2026, 11, 2, tzinfo=datetime.timezone.utc)
TO = FROM + datetime.timedelta(days=28)


def run(data):
    began = time.perf_counter()
    calendar = icalendar.Calendar.from_ical(data)
    read = time.perf_counter()
    found = recurring_ical_events.of(calendar).between(FROM, TO)
    done = time.perf_counter()
    # What is in the window is what begins in it.
    starts = [event["DTSTART"].dt for event in found]
    return done - began, read - began, sum(FROM <= start < TO for start in starts)


def main():
    data = open(sys.argv[1], "rb").read()
    runs = sorted(run(data) for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 3))
    whole, read, occurrences = runs[len(runs) // 2]
    print(
        f"{occurrences} occurrences: median {whole * 1e3:.0f} ms (reading {read * 1e3:.0f} ms), "
        f"from {runs[0][0] * 1e3:.0f} to {runs[-1][0] * 1e3:.0f} ms, "
        f"spread {statistics.pstdev(r[0] for r in runs) * 1e3:.0f} ms"
    )


if __name__ == "__main__":
    main()
