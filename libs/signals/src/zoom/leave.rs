//! Why somebody left a Zoom meeting, in Zoom's words.

/// Beginnings of what follows a name where no reason is given.
const WITHOUT_REASON: [&str; 5] =
    ["left the", "got disconnected", "has been removed", "was removed", "Removed by"];

/// The reason in a `leave_reason`, without markup and without the name of who left:
/// `Ada left the meeting.<br>Reason: Host ended the meeting.` gives `Host ended the meeting`. Where no reason is given,
/// what follows the name is kept: `left the meeting`.
pub(super) fn reason(text: &str) -> Option<String> {
    let mut plain = String::new();
    let mut inside = false;
    for letter in text.chars().take(1000) {
        match letter {
            '<' => {
                inside = true;
                plain.push(' ');
            }
            '>' if inside => inside = false,
            _ if inside => {}
            _ => plain.push(letter),
        }
    }
    let words = plain.replace("&nbsp;", " ").split_whitespace().collect::<Vec<_>>().join(" ");
    let after = |mark: &str| words.rsplit_once(mark).map(|(_, rest)| rest);
    let kept = after("Reason:").or_else(|| after("Reason :")).map(str::to_owned).or_else(|| {
        WITHOUT_REASON.iter().find_map(|mark| Some(format!("{mark}{}", after(mark)?)))
    })?;
    let kept = kept.trim().trim_end_matches('.').trim();
    if kept.is_empty() { None } else { Some(kept.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_kept_and_the_name_is_not() {
        for (text, kept) in [
            (
                "Ada L. left the meeting.<br>Reason: Host ended the meeting.",
                Some("Host ended the meeting"),
            ),
            (
                "Ada got disconnected from the meeting.<br/>Reason : Network connection error. ",
                Some("Network connection error"),
            ),
            (
                "Ada left the meeting.<br>Reason: <b class=\"x\">Host ended</b> the meeting.",
                Some("Host ended the meeting"),
            ),
            ("Ada left the meeting.", Some("left the meeting")),
            ("Reason: left", Some("left")),
            ("Ada", None),
            ("", None),
            ("<<<", None),
        ] {
            assert_eq!(reason(text).as_deref(), kept, "{text}");
        }
    }
}
