//! What was left out or repaired while reading calendars, told on standard error.

/// Something that did not go as the calendar has it.
#[derive(Debug)]
pub(crate) struct Trouble<'a> {
    /// Name of the file; empty where it is no matter of one file.
    pub(crate) source: &'a str,
    /// Line, JSON pointer or component.
    pub(crate) place: &'a str,
    /// Which event, where that is known.
    pub(crate) uid: Option<&'a str>,
    /// Short name of the reason.
    pub(crate) reason: String,
    /// What happened.
    pub(crate) text: &'a str,
    /// Whether something was left out.
    pub(crate) dropped: bool,
}

/// Reasons for which an entry of a calendar is rightly no meeting.
const NO_MEETING: [&str; 5] =
    ["not_an_invitation", "not_a_meeting", "free_busy_only", "deleted_at_source", "incomplete"];

/// The warning, in one line.
pub(crate) fn told(trouble: &Trouble<'_>) -> String {
    let Trouble { source, place, uid, reason, text, dropped } = trouble;
    let what = match (dropped, NO_MEETING.contains(&reason.as_str())) {
        (true, true) => "no meeting",
        (true, false) => "unreadable event",
        (false, _) => "repaired",
    };
    let place: Vec<&str> = [*source, *place].into_iter().filter(|part| !part.is_empty()).collect();
    let uid = uid.filter(|uid| !uid.is_empty()).map(|uid| format!(" (UID {uid})"));
    let line = format!("warning: {}: {what}: {text}{}", place.join(", "), uid.unwrap_or_default());
    crate::output::table::printable(&line).replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(reason: &str, dropped: bool) -> String {
        told(&Trouble {
            source: "acme.ics",
            place: "line 12",
            uid: Some("a@acme.example"),
            reason: reason.to_owned(),
            text: "it has no start",
            dropped,
        })
    }

    #[test]
    fn a_lost_event_is_called_unreadable_and_its_place_is_told() {
        assert_eq!(
            line("no_start", true),
            "warning: acme.ics, line 12: unreadable event: it has no start (UID a@acme.example)"
        );
    }

    #[test]
    fn what_is_rightly_no_meeting_is_not_called_unreadable() {
        assert!(line("not_a_meeting", true).contains(": no meeting: "));
        assert!(line("unknown_zone", false).contains(": repaired: "));
    }
}
