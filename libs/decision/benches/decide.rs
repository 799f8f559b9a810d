//! One meeting with ten participants against two thousand exclusion entries: every rule asked, beside a
//! hand-written subset of thirteen rules that stops at the first that fires.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::indexing_slicing,
    reason = "a benchmark measures time, prints, and may fail loudly"
)]

use std::collections::HashSet;
use std::hint::black_box;
use std::time::Instant;

use aho_corasick::AhoCorasick;
use decision::company::{CompanyFile, Method, ProviderEntry};
use decision::links::{Link, select};
use decision::plan::{Kind, judge_and_decide};
use decision::{
    CallKey, Conference, Meeting, Participation, Person, PersonKind, Policy, Provider, Sensitivity,
};

const SAMPLES: usize = 41;
const ROUNDS: usize = 20_000;

fn company(entries: usize) -> CompanyFile {
    let mut file = CompanyFile::named("acme");
    file.domains = vec!["acme.example".into(), "acme-labs.example".into()];
    file.assistant = vec!["recorder@acme.example".into()];
    file.settings.exclusions.domains =
        (0..entries).map(|i| format!("blocked{i}.example")).collect();
    file.settings.exclusions.keywords = (0..entries).map(|i| format!("secret{i}")).collect();
    let zoom =
        ProviderEntry { enabled: true, method: Some(Method::Native), ..ProviderEntry::default() };
    file.settings.providers.insert("zoom".into(), zoom);
    file.members = (0..200)
        .map(|i| {
            serde_json::from_str(&format!(r#"{{"id":"m{i}","emails":["m{i}@acme.example"]}}"#))
                .unwrap()
        })
        .collect();
    file
}

fn meeting() -> Meeting {
    let person = |address: String| Person { address: Some(address), ..Person::default() };
    let mut meeting = Meeting::at("2026-03-02T10:00:00Z".parse().unwrap());
    meeting.title = Some("Quarterly review with the customer's platform team".into());
    meeting.organizer = Some(person("m3@acme.example".into()));
    meeting.attendees = (0..9)
        .map(|i| {
            let domain =
                if i < 4 { "acme.example".to_owned() } else { format!("mail.customer{i}.example") };
            person(format!("m{i}@{domain}"))
        })
        .collect();
    meeting
}

/// The least that must be asked, in the order in which it can stop soonest.
struct HandWritten {
    domains: HashSet<String>,
    internal: HashSet<String>,
    members: HashSet<String>,
    never: HashSet<String>,
    keywords: AhoCorasick,
}

impl HandWritten {
    fn decide(&self, meeting: &Meeting, conference: Option<&Conference>) -> &'static str {
        if meeting.cancelled {
            return "CANCELLED";
        }
        if !meeting.has_ical_uid {
            return "NO_ICAL_ID";
        }
        if meeting.all_day {
            return "ALL_DAY_EVENT";
        }
        if meeting.end.is_none() {
            return "NO_END_TIME";
        }
        let people = || {
            meeting.organizer.iter().chain(&meeting.attendees).filter(|p| {
                !matches!(p.kind, PersonKind::Room | PersonKind::Resource)
                    && p.participation != Participation::Declined
            })
        };
        let addresses = || people().filter_map(|p| p.address.as_deref());
        let domain =
            |address: &str| address.rsplit_once('@').map(|(_, d)| d.to_owned()).unwrap_or_default();
        if !addresses().any(|a| self.members.contains(a)) {
            return "NO_OWNER";
        }
        if addresses().any(|a| self.never.contains(a)) {
            return "HAS_DO_NOT_RECORD_USERS";
        }
        if meeting.sensitivity == Sensitivity::Private {
            return "PRIVATE_OR_CONFIDENTIAL";
        }
        if addresses().any(|a| self.domains.contains(&domain(a))) {
            return "EVENT_BLOCKLISTED";
        }
        if meeting.title.as_ref().is_some_and(|t| self.keywords.is_match(&t.to_lowercase())) {
            return "EVENT_BLOCKLISTED";
        }
        if addresses().all(|a| self.internal.contains(&domain(a))) {
            return "INTERNAL_MEETING_RECORDING_DISABLED";
        }
        let Some(conference) = conference else { return "NO_URL" };
        if conference.provider != Provider::Zoom {
            return "CALL_PROVIDER_DISABLED_FOR_COMPANY";
        }
        if (meeting.start - meeting.received_at).num_minutes() < 20 {
            return "OBSOLETE_CALL";
        }
        "plan"
    }
}

/// Nanoseconds of one call: least, median, most of the samples.
fn measure(mut call: impl FnMut()) -> [f64; 3] {
    let mut samples: Vec<f64> = (0..SAMPLES)
        .map(|_| {
            let begin = Instant::now();
            for _ in 0..ROUNDS {
                call();
            }
            begin.elapsed().as_nanos() as f64 / ROUNDS as f64
        })
        .collect();
    samples.sort_by(f64::total_cmp);
    [samples[0], samples[SAMPLES / 2], samples[SAMPLES - 1]]
}

fn main() {
    let meeting = meeting();
    let key = CallKey { ical_uid: Some("bench@acme.example".into()), recurrence_id: None };
    let links = [Link::Join(Conference { provider: Provider::Zoom, id: "91234567890".into() })];
    let now = meeting.received_at;

    let mut figures = Vec::new();
    for entries in [10, 1_000, 10_000] {
        let policy = Policy::compile(&company(entries), 1);
        let decide = || {
            let mut meeting = black_box(&meeting).clone();
            let selected = select(&policy, &links);
            meeting.links = selected.state;
            judge_and_decide(&policy, &key, &meeting, &links, &selected, false, now)
        };
        assert!(matches!(decide().kind, Kind::Plan(_)), "the example is recorded");
        figures.push((entries, measure(|| drop(black_box(decide())))));
    }

    let file = company(1_000);
    let hand_written = HandWritten {
        domains: file.settings.exclusions.domains.iter().cloned().collect(),
        internal: file.domains.iter().cloned().collect(),
        members: file.members.iter().flat_map(|m| m.emails.clone()).collect(),
        never: HashSet::new(),
        keywords: AhoCorasick::new(&file.settings.exclusions.keywords).unwrap(),
    };
    let conference = Conference { provider: Provider::Zoom, id: "91234567890".into() };
    assert_eq!(hand_written.decide(&meeting, Some(&conference)), "plan");
    let bare = measure(|| {
        black_box(hand_written.decide(black_box(&meeting), Some(&conference)));
    });

    println!("one meeting, 10 participants, all rules asked (ns: least, median, most)");
    println!(
        "  hand-written 13 rules, 2,000 entries  {:>7.0} {:>7.0} {:>7.0}",
        bare[0], bare[1], bare[2]
    );
    for (entries, [least, median, most]) in figures {
        println!(
            "  decision core, {:>6} entries         {least:>7.0} {median:>7.0} {most:>7.0}   {:.2} of the hand-written",
            2 * entries,
            median / bare[1]
        );
    }
}
