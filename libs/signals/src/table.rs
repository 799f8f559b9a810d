//! Raw codes and what they mean: a file per provider, compiled in.
//!
//! The files stand in `tables/`, in columns `kind,code,name,means,confidence,source`. What a code means is the name of a
//! signal of [`decision::session::Signal`], or of [`crate::News`]; nothing there is a code that is known to say nothing
//! about a recording. A code stands once in its kind; kinds keep numbers apart that mean one thing
//! here and another there, as Zoom's numbers do from platform to platform.

use std::sync::LazyLock;

use crate::{Provider, Sense};

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal;)+) => {
        /// What sort of raw code it is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Kind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Its name in the tables and in evidence.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

kinds! {
    /// The name of a webhook's event.
    Event = "event";
    /// The state something is in: of a call, a meeting, a bot.
    State = "state";
    /// Why a state came about.
    Reason = "reason";
    /// A number of a native SDK on a desktop or server.
    SdkNative = "sdk_native";
    /// A number of the SDK for iOS.
    SdkIos = "sdk_ios";
    /// A number of the SDK for Android.
    SdkAndroid = "sdk_android";
    /// A number or word of the SDK for browsers.
    SdkWeb = "sdk_web";
    /// Why a meeting ended, as a number of a native SDK.
    EndReason = "end_reason";
    /// The answer to a request for permission to record.
    Permission = "permission";
    /// An error of the provider's REST API.
    Rest = "rest";
    /// Words people are shown. A row's code is found anywhere in the text, in any case.
    Text = "text";
    /// How a call ended, as `code/subcode`.
    CallEnd = "call_end";
    /// The status of a recording.
    Recording = "recording";
    /// A setting with the value that matters, as `audio=telephony`.
    Setting = "setting";
    /// Who answered, as a machine heard it.
    AnsweredBy = "answered_by";
    /// What a look-up of a number found.
    Lookup = "lookup";
    /// A response of SIP (RFC 3261 and others).
    Sip = "sip";
    /// A cause of ITU-T Q.850.
    Q850 = "q850";
}

impl Kind {
    /// The kind of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }
}

/// How well a meaning is founded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// One source, or inferred.
    Low,
    /// Follows from what is documented, or two independent sources agree.
    Medium,
    /// The vendor's documentation, its code, or a captured payload says so.
    High,
}

impl Confidence {
    /// Its letter in the tables: `L`, `M`, `H`.
    #[must_use]
    pub const fn letter(self) -> &'static str {
        match self {
            Self::Low => "L",
            Self::Medium => "M",
            Self::High => "H",
        }
    }
}

/// One raw code of one provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Whose code it is.
    pub provider: Provider,
    /// What sort of code.
    pub kind: Kind,
    /// The code as the provider writes it, in lower case.
    pub code: String,
    /// What the provider, or else we, call it.
    pub name: String,
    /// What it means for a recording.
    pub sense: Sense,
    /// How well that is founded.
    pub confidence: Confidence,
    /// Where it is written.
    pub source: String,
}

/// The files, as they are compiled in.
const FILES: &[(Provider, &str)] = &[
    (Provider::Zoom, include_str!("../tables/zoom.csv")),
    (Provider::ZoomPhone, include_str!("../tables/zoom_phone.csv")),
    (Provider::Teams, include_str!("../tables/teams.csv")),
    (Provider::Webex, include_str!("../tables/webex.csv")),
    (Provider::GoogleMeet, include_str!("../tables/google_meet.csv")),
    (Provider::Twilio, include_str!("../tables/twilio.csv")),
    (Provider::RingCentral, include_str!("../tables/ringcentral.csv")),
    (Provider::Aircall, include_str!("../tables/aircall.csv")),
    (Provider::Vonage, include_str!("../tables/vonage.csv")),
    (Provider::Telnyx, include_str!("../tables/telnyx.csv")),
    (Provider::Dialer, include_str!("../tables/dialer.csv")),
    (Provider::Sip, include_str!("../tables/sip.csv")),
    (Provider::Recall, include_str!("../tables/recall.csv")),
    (Provider::Attendee, include_str!("../tables/attendee.csv")),
];

/// All rows, ordered by provider, kind and code.
static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let mut rows: Vec<Row> =
        FILES.iter().flat_map(|(provider, text)| parse(*provider, text)).flatten().collect();
    rows.sort_by(|a, b| (a.provider, a.kind, &a.code).cmp(&(b.provider, b.kind, &b.code)));
    rows
});

/// All rows, ordered by provider, kind and code.
#[must_use]
pub fn rows() -> &'static [Row] {
    &ROWS
}

/// The row of a code. Case and surrounding space do not matter.
#[must_use]
pub fn lookup(provider: Provider, kind: Kind, code: &str) -> Option<&'static Row> {
    let code = code.trim().to_lowercase();
    let found = ROWS.binary_search_by(|row| {
        (row.provider, row.kind, row.code.as_str()).cmp(&(provider, kind, &code))
    });
    found.ok().and_then(|at| ROWS.get(at))
}

/// The row of kind [`Kind::Text`] whose words stand in a text; of several, the one with the most letters.
///
/// Texts are translated, so what a page is made of tells more than its words; this is for when there is nothing else.
#[must_use]
pub fn matching(provider: Provider, text: &str) -> Option<&'static Row> {
    let text = plain(text);
    let from = ROWS.partition_point(|row| (row.provider, row.kind) < (provider, Kind::Text));
    let texts =
        ROWS.iter().skip(from).take_while(|row| (row.provider, row.kind) == (provider, Kind::Text));
    texts.filter(|row| text.contains(&row.code)).max_by_key(|row| row.code.len())
}

/// A text as it is compared: lower case, one space between words, straight apostrophes.
fn plain(text: &str) -> String {
    let text = text.replace(['\u{2019}', '\u{2018}'], "'").to_lowercase();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Reads a file: its rows, and in their place what is wrong with those that are none.
fn parse(provider: Provider, text: &str) -> Vec<Result<Row, String>> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    reader
        .records()
        .map(|record| {
            let record = record.map_err(|error| error.to_string())?;
            let line = record.position().map_or(0, csv::Position::line);
            row(provider, &record).map_err(|what| format!("{provider}.csv:{line}: {what}"))
        })
        .collect()
}

/// Reads one record.
fn row(provider: Provider, record: &csv::StringRecord) -> Result<Row, String> {
    let field = |at: usize, what: &str| record.get(at).ok_or_else(|| format!("there is no {what}"));
    let filled = |at: usize, what: &str| {
        field(at, what).and_then(|text| {
            if text.is_empty() { Err(format!("the {what} is empty")) } else { Ok(text) }
        })
    };
    let kind = filled(0, "kind")?;
    let means = field(3, "meaning")?;
    Ok(Row {
        provider,
        kind: Kind::from_name(kind).ok_or_else(|| format!("no kind `{kind}`"))?,
        code: plain(filled(1, "code")?),
        name: filled(2, "name")?.to_owned(),
        sense: Sense::from_name(means).ok_or_else(|| format!("no signal or news `{means}`"))?,
        confidence: match filled(4, "confidence")? {
            "H" => Confidence::High,
            "M" => Confidence::Medium,
            "L" => Confidence::Low,
            letter => return Err(format!("no confidence `{letter}`")),
        },
        source: filled(5, "source")?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::News;

    #[test]
    fn every_line_of_every_file_is_a_row() {
        let wrong: Vec<String> = FILES
            .iter()
            .flat_map(|(provider, text)| parse(*provider, text))
            .filter_map(Result::err)
            .collect();
        assert_eq!(wrong, Vec::<String>::new());
    }

    #[test]
    fn no_code_stands_twice() {
        let key = |row: &Row| (row.provider, row.kind, row.code.clone());
        let twice: Vec<_> = ROWS
            .windows(2)
            .filter(|pair| key(&pair[0]) == key(&pair[1]))
            .map(|pair| key(&pair[0]))
            .collect();
        assert_eq!(twice, []);
    }

    #[test]
    fn every_provider_has_a_file_of_its_own() {
        let mut named: Vec<Provider> = FILES.iter().map(|(provider, _)| *provider).collect();
        named.sort();
        named.dedup();
        assert_eq!(named, Provider::ALL);
        assert_eq!(FILES.len(), named.len());
    }

    #[test]
    fn what_is_wrong_in_a_file_is_said_with_its_line() {
        let text = "kind,code,name,means,confidence,source\nsdk_web,1,one,locked,H,here\nsdk_web,2,two,lokced,H,here\n";
        let rows = parse(Provider::Zoom, text);
        assert!(rows[0].is_ok());
        assert_eq!(rows[1], Err("zoom.csv:3: no signal or news `lokced`".to_owned()));
    }

    #[test]
    fn the_longest_words_that_fit_decide() {
        let text = "Ada  REMOVED by host from waiting room";
        let row = matching(Provider::Zoom, text).unwrap();
        assert_eq!(row.sense, Sense::News(News::ParticipantRefused));
        assert_eq!(matching(Provider::Zoom, "the weather is fine"), None);
    }
}
