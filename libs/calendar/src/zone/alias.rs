//! What the names of time zones mean: those of IANA, of Windows, of Outlook's lists, of old programs.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use jiff::tz::TimeZoneDatabase;
use windows_timezones::WindowsTimezone as W;

use super::Zone;

/// Longest name that is looked at.
const LONGEST: usize = 200;

/// Words that stand for a zone in calendars met in the wild, in the form of [`plain`].
const WORDS: &[(&str, &str)] = &[
    ("eastern", "America/New_York"),
    ("central", "America/Chicago"),
    ("mountain", "America/Denver"),
    ("pacific", "America/Los_Angeles"),
    ("alaska", "America/Anchorage"),
    ("atlantic", "America/Halifax"),
    ("eastern time", "America/New_York"),
    ("central time", "America/Chicago"),
    ("mountain time", "America/Denver"),
    ("pacific time", "America/Los_Angeles"),
    ("atlantic time", "America/Halifax"),
    ("eastern daylight time", "America/New_York"),
    ("central daylight time", "America/Chicago"),
    ("mountain daylight time", "America/Denver"),
    ("pacific daylight time", "America/Los_Angeles"),
    ("edt", "America/New_York"),
    ("cst", "America/Chicago"),
    ("cdt", "America/Chicago"),
    ("mdt", "America/Denver"),
    ("pst", "America/Los_Angeles"),
    ("pdt", "America/Los_Angeles"),
    ("cest", "Europe/Berlin"),
    ("bst", "Europe/London"),
    ("eest", "Europe/Athens"),
    ("west", "Europe/Lisbon"),
    ("aest", "Australia/Sydney"),
    ("aedt", "Australia/Sydney"),
    ("jst", "Asia/Tokyo"),
    ("greenwich mean time", "Europe/London"),
    ("western/central europe", "Europe/Berlin"),
    ("western europe", "Europe/London"),
    ("central europe", "Europe/Berlin"),
    ("eastern europe", "Europe/Athens"),
    ("central european time", "Europe/Berlin"),
    ("europe/germany", "Europe/Berlin"),
    ("europe/england", "Europe/London"),
    ("europe/uk", "Europe/London"),
    ("europe/france", "Europe/Paris"),
    ("europe/italy", "Europe/Rome"),
    ("europe/spain", "Europe/Madrid"),
    ("europe/netherlands", "Europe/Amsterdam"),
    ("europe/switzerland", "Europe/Zurich"),
    ("europe/austria", "Europe/Vienna"),
    ("america/sanjose", "America/Los_Angeles"),
    ("america/sanfrancisco", "America/Los_Angeles"),
    ("america/san_francisco", "America/Los_Angeles"),
    ("america/washington", "America/New_York"),
    ("america/boston", "America/New_York"),
    ("us & canada", "America/New_York"),
];

/// Names made of the two offsets of a year: (standard, daylight) in minutes.
const PAIRS: &[(i32, i32, &str)] = &[
    (0, 60, "Europe/London"),
    (60, 120, "Europe/Berlin"),
    (120, 180, "Europe/Athens"),
    (-210, -150, "America/St_Johns"),
    (-240, -180, "America/Halifax"),
    (-300, -240, "America/New_York"),
    (-360, -300, "America/Chicago"),
    (-420, -360, "America/Denver"),
    (-480, -420, "America/Los_Angeles"),
    (-540, -480, "America/Anchorage"),
    (570, 630, "Australia/Adelaide"),
    (600, 660, "Australia/Sydney"),
    (720, 780, "Pacific/Auckland"),
];

/// The zone of a name, if the name alone says which: IANA and Windows names, aliases, a path whose
/// end is an IANA name, a plain offset.
pub(crate) fn resolve(name: &str) -> Option<Zone> {
    let name = bare(name);
    if name.is_empty() || name.len() > LONGEST {
        return None;
    }
    iana(name)
        .or_else(|| windows(name))
        .or_else(|| path(name))
        .or_else(|| offset(name))
        .or_else(|| described(name))
        .or_else(|| word(name))
}

/// The zone a name hints at: to be asked only where the calendar does not describe it itself.
pub(crate) fn guess(name: &str) -> Option<Zone> {
    let name = bare(name);
    if name.is_empty() || name.len() > LONGEST {
        return None;
    }
    pair(name).or_else(|| inside(name))
}

fn bare(name: &str) -> &str {
    let name = name.trim().trim_matches(['"', '\'']).trim();
    let name = name.strip_prefix("TZID=").or_else(|| name.strip_prefix("TZID:")).unwrap_or(name);
    name.strip_prefix("tzone://Microsoft/").unwrap_or(name).trim()
}

fn iana(name: &str) -> Option<Zone> {
    if matches!(
        name.to_ascii_lowercase().as_str(),
        "utc"
            | "z"
            | "zulu"
            | "gmt"
            | "uct"
            | "etc/utc"
            | "etc/gmt"
            | "etc/uct"
            | "etc/zulu"
            | "universal"
            | "gmt0"
            | "coordinated universal time"
    ) {
        return Some(Zone::Utc);
    }
    let zone = TimeZoneDatabase::bundled().get(name).ok()?;
    Some(Zone::Named(Arc::from(zone.iana_name().unwrap_or(name))))
}

fn windows(name: &str) -> Option<Zone> {
    W::from_str(name)
        .ok()
        .and_then(of_windows)
        .or_else(|| windows_names().get(&plain(name))?.clone())
}

fn of_windows(zone: W) -> Option<Zone> {
    iana(zone.tzdb_id())
}

/// `/vendor/20070129_1/America/Argentina/Buenos_Aires`, `US-Eastern`, `Europe_London`.
fn path(name: &str) -> Option<Zone> {
    let mut rest = name.trim_matches('/');
    loop {
        if let Some(zone) = iana(rest) {
            return Some(zone);
        }
        if !rest.contains('/') {
            let index = rest.find(['-', '_', ' ', '.'])?;
            let (area, place) = rest.split_at_checked(index)?;
            let place = place.get(1..)?.replace([' ', '-'], "_");
            if area.is_empty() || place.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            return iana(&format!("{area}/{place}"));
        }
        if rest.contains(' ')
            && let Some(zone) = iana(&rest.replace(' ', "_"))
        {
            return Some(zone);
        }
        (_, rest) = rest.split_once('/')?;
        if !rest.contains('/') {
            // A single word is a zone of its own only by its whole name.
            return None;
        }
    }
}

/// `UTC+02:00`, `(GMT -03:00)`, `+0530`.
fn offset(name: &str) -> Option<Zone> {
    let name = name.trim_matches(['(', ')', ' ']);
    let rest = strip_utc(name).trim();
    let sign = rest.chars().next().filter(|sign| "+-−".contains(*sign))?;
    let digits = rest.get(sign.len_utf8()..)?.trim();
    let digits = match digits.len() {
        1 => format!("0{digits}"),
        4 if digits.contains([':', '.']) => format!("0{digits}"),
        _ => digits.to_owned(),
    };
    let seconds = crate::value::offset(&digits)?;
    Some(match if sign == '+' { seconds } else { -seconds } {
        0 => Zone::Utc,
        seconds => Zone::Offset(seconds),
    })
}

fn strip_utc(name: &str) -> &str {
    for prefix in ["UTC", "GMT", "utc", "gmt"] {
        if let Some(rest) = name.strip_prefix(prefix) {
            return rest;
        }
    }
    name
}

/// `(UTC-05:00) Eastern Time (US & Canada)`, `Amsterdam, Belgrade, Berlin`.
fn described(name: &str) -> Option<Zone> {
    let name = match name.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        Some((offset, rest)) if !strip_utc(offset).eq(offset) => rest,
        _ => name,
    };
    let table = windows_names();
    if let Some(zone) = table.get(&plain(name)) {
        return zone.clone();
    }
    name.split([',', ';']).find_map(|part| {
        let part = plain(part);
        table.get(&part).cloned().flatten().or_else(|| cities().get(&part).cloned())
    })
}

fn word(name: &str) -> Option<Zone> {
    let name = plain(name);
    WORDS.iter().find(|(word, _)| *word == name).and_then(|(_, zone)| iana(zone))
}

/// `GMT-05.00/-04.00`, `GMT +0100 (Standard) / GMT +0200 (Daylight)`.
fn pair(name: &str) -> Option<Zone> {
    let (first, second) = name.split_once('/')?;
    let minutes = |part: &str| -> Option<i32> {
        let part = part.split(" (").next().unwrap_or(part);
        match offset(part.trim()) {
            Some(Zone::Utc) => Some(0),
            Some(Zone::Offset(seconds)) => Some(seconds / 60),
            _ => None,
        }
    };
    let (first, second) = (minutes(first)?, minutes(second)?);
    let (standard, daylight) = (first.min(second), first.max(second));
    PAIRS
        .iter()
        .find(|pair| (pair.0, pair.1) == (standard, daylight))
        .and_then(|(_, _, zone)| iana(zone))
}

/// An IANA name somewhere inside: `custom_America/New_York_Forward`.
fn inside(name: &str) -> Option<Zone> {
    const AREAS: [&str; 11] = [
        "Africa",
        "America",
        "Antarctica",
        "Asia",
        "Atlantic",
        "Australia",
        "Europe",
        "Indian",
        "Pacific",
        "US",
        "Canada",
    ];
    for area in AREAS {
        let Some(at) = name.find(area) else { continue };
        let mut rest = name.get(at..)?;
        if !rest.get(area.len()..)?.starts_with('/') {
            continue;
        }
        loop {
            if let Some(zone) = iana(rest) {
                return Some(zone);
            }
            match rest.rfind(|c: char| !c.is_alphanumeric()) {
                Some(end) if end > area.len() => rest = rest.get(..end)?,
                _ => break,
            }
        }
    }
    None
}

/// Lower case, without accents, `and` as `&`.
fn plain(name: &str) -> String {
    let folded: String = name
        .trim()
        .to_lowercase()
        .chars()
        .map(|c| match c {
            'á' | 'à' | 'â' | 'ã' | 'ä' | 'å' => 'a',
            'é' | 'è' | 'ê' | 'ë' => 'e',
            'í' | 'ì' | 'î' | 'ï' => 'i',
            'ó' | 'ò' | 'ô' | 'õ' | 'ö' => 'o',
            'ú' | 'ù' | 'û' | 'ü' => 'u',
            'ç' => 'c',
            'ñ' => 'n',
            other => other,
        })
        .collect();
    folded.replace(" and ", " & ")
}

/// Windows names, and Outlook's display names without their offset, in the form of [`plain`].
fn windows_names() -> &'static BTreeMap<String, Option<Zone>> {
    static NAMES: OnceLock<BTreeMap<String, Option<Zone>>> = OnceLock::new();
    NAMES.get_or_init(|| {
        let mut names = BTreeMap::new();
        for zone in ALL {
            let target = of_windows(*zone);
            names.insert(plain(zone.name()), target.clone());
            let description = zone.description();
            let display = description.split_once(") ").map_or(description, |(_, rest)| rest);
            names.entry(plain(display)).or_insert(target);
        }
        names
    })
}

/// Places of Outlook's display names and of the IANA names, in the form of [`plain`].
fn cities() -> &'static BTreeMap<String, Zone> {
    static CITIES: OnceLock<BTreeMap<String, Zone>> = OnceLock::new();
    CITIES.get_or_init(|| {
        let mut cities = BTreeMap::new();
        for name in TimeZoneDatabase::bundled().available() {
            if let Some((area, place)) = name.as_str().rsplit_once('/')
                && !matches!(
                    area,
                    "Etc" | "US" | "SystemV" | "Canada" | "Brazil" | "Mexico" | "Chile"
                )
                && let Some(zone) = iana(name.as_str())
            {
                cities.insert(plain(&place.replace('_', " ")), zone);
            }
        }
        for zone in ALL {
            let description = zone.description();
            let display = description.split_once(") ").map_or(description, |(_, rest)| rest);
            for city in display.split(", ") {
                if let Some(target) = of_windows(*zone) {
                    cities.entry(plain(city)).or_insert(target);
                }
            }
        }
        cities
    })
}

/// Every Windows zone.
const ALL: &[W] = &[
    W::DatelineStandardTime,
    W::UtcMinus11,
    W::AleutianStandardTime,
    W::HawaiianStandardTime,
    W::MarquesasStandardTime,
    W::AlaskanStandardTime,
    W::UtcMinus09,
    W::PacificStandardTimeMexico,
    W::UtcMinus08,
    W::PacificStandardTime,
    W::UsMountainStandardTime,
    W::MountainStandardTimeMexico,
    W::MountainStandardTime,
    W::YukonStandardTime,
    W::CentralAmericaStandardTime,
    W::CentralStandardTime,
    W::EasterIslandStandardTime,
    W::CentralStandardTimeMexico,
    W::CanadaCentralStandardTime,
    W::SaPacificStandardTime,
    W::EasternStandardTimeMexico,
    W::EasternStandardTime,
    W::HaitiStandardTime,
    W::CubaStandardTime,
    W::UsEasternStandardTime,
    W::TurksAndCaicosStandardTime,
    W::ParaguayStandardTime,
    W::AtlanticStandardTime,
    W::VenezuelaStandardTime,
    W::CentralBrazilianStandardTime,
    W::SaWesternStandardTime,
    W::PacificSaStandardTime,
    W::NewfoundlandStandardTime,
    W::TocantinsStandardTime,
    W::ESouthAmericaStandardTime,
    W::SaEasternStandardTime,
    W::ArgentinaStandardTime,
    W::GreenlandStandardTime,
    W::MontevideoStandardTime,
    W::MagallanesStandardTime,
    W::SaintPierreStandardTime,
    W::BahiaStandardTime,
    W::UtcMinus02,
    W::AzoresStandardTime,
    W::CapeVerdeStandardTime,
    W::Utc,
    W::GmtStandardTime,
    W::GreenwichStandardTime,
    W::SaoTomeStandardTime,
    W::MoroccoStandardTime,
    W::WEuropeStandardTime,
    W::CentralEuropeStandardTime,
    W::RomanceStandardTime,
    W::CentralEuropeanStandardTime,
    W::WCentralAfricaStandardTime,
    W::JordanStandardTime,
    W::GtbStandardTime,
    W::MiddleEastStandardTime,
    W::EgyptStandardTime,
    W::EEuropeStandardTime,
    W::SyriaStandardTime,
    W::WestBankStandardTime,
    W::SouthAfricaStandardTime,
    W::FleStandardTime,
    W::IsraelStandardTime,
    W::SouthSudanStandardTime,
    W::KaliningradStandardTime,
    W::SudanStandardTime,
    W::LibyaStandardTime,
    W::NamibiaStandardTime,
    W::ArabicStandardTime,
    W::TurkeyStandardTime,
    W::ArabStandardTime,
    W::BelarusStandardTime,
    W::RussianStandardTime,
    W::EAfricaStandardTime,
    W::IranStandardTime,
    W::ArabianStandardTime,
    W::AstrakhanStandardTime,
    W::AzerbaijanStandardTime,
    W::RussiaTimeZone3,
    W::MauritiusStandardTime,
    W::SaratovStandardTime,
    W::GeorgianStandardTime,
    W::VolgogradStandardTime,
    W::CaucasusStandardTime,
    W::AfghanistanStandardTime,
    W::WestAsiaStandardTime,
    W::EkaterinburgStandardTime,
    W::PakistanStandardTime,
    W::QyzylordaStandardTime,
    W::IndiaStandardTime,
    W::SriLankaStandardTime,
    W::NepalStandardTime,
    W::CentralAsiaStandardTime,
    W::BangladeshStandardTime,
    W::OmskStandardTime,
    W::MyanmarStandardTime,
    W::SeAsiaStandardTime,
    W::AltaiStandardTime,
    W::WMongoliaStandardTime,
    W::NorthAsiaStandardTime,
    W::NCentralAsiaStandardTime,
    W::TomskStandardTime,
    W::ChinaStandardTime,
    W::NorthAsiaEastStandardTime,
    W::SingaporeStandardTime,
    W::WAustraliaStandardTime,
    W::TaipeiStandardTime,
    W::UlaanbaatarStandardTime,
    W::AusCentralWStandardTime,
    W::TransbaikalStandardTime,
    W::TokyoStandardTime,
    W::NorthKoreaStandardTime,
    W::KoreaStandardTime,
    W::YakutskStandardTime,
    W::CenAustraliaStandardTime,
    W::AusCentralStandardTime,
    W::EAustraliaStandardTime,
    W::AusEasternStandardTime,
    W::WestPacificStandardTime,
    W::TasmaniaStandardTime,
    W::VladivostokStandardTime,
    W::LordHoweStandardTime,
    W::BougainvilleStandardTime,
    W::RussiaTimeZone10,
    W::MagadanStandardTime,
    W::NorfolkStandardTime,
    W::SakhalinStandardTime,
    W::CentralPacificStandardTime,
    W::RussiaTimeZone11,
    W::NewZealandStandardTime,
    W::UtcPlus12,
    W::FijiStandardTime,
    W::ChathamIslandsStandardTime,
    W::UtcPlus13,
    W::TongaStandardTime,
    W::SamoaStandardTime,
    W::LineIslandsStandardTime,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn name(zone: &str) -> Option<String> {
        resolve(zone).or_else(|| guess(zone)).and_then(|zone| zone.name())
    }

    #[test]
    fn names_met_in_calendars_are_understood() {
        for (zone, expected) in [
            ("europe/berlin", "Europe/Berlin"),
            ("W. Europe Standard Time", "Europe/Berlin"),
            ("w. europe standard time", "Europe/Berlin"),
            ("\"Europe/Paris\"", "Europe/Paris"),
            ("US-Eastern", "US/Eastern"),
            ("Eastern", "America/New_York"),
            ("/mozilla.org/20070129_1/Europe/Berlin", "Europe/Berlin"),
            (
                "/freeassociation.sourceforge.net/Tzfile/America/Argentina/Buenos_Aires",
                "America/Argentina/Buenos_Aires",
            ),
            ("Europe_London", "Europe/London"),
            ("America_New_York", "America/New_York"),
            ("America-Chicago", "America/Chicago"),
            ("custom_America/New_York_Forward_reference", "America/New_York"),
            ("(UTC-05:00) Eastern Time (US & Canada)", "America/New_York"),
            ("(UTC-05:00) Eastern Time (US and Canada)", "America/New_York"),
            ("(UTC-03:00) Brasília", "America/Sao_Paulo"),
            ("Pacific Time (US & Canada), Tijuana", "America/Los_Angeles"),
            ("Amsterdam, Belgrade, Berlin, Brussels", "Europe/Amsterdam"),
            ("Kuala Lumpur, Singapore", "Asia/Singapore"),
            ("(GMT+10:00) Canberra, Melbourne, Sydney", "Australia/Sydney"),
            ("GMT +0100 (Standard) / GMT +0200 (Daylight)", "Europe/Berlin"),
            ("GMT-05.00/-04.00", "America/New_York"),
            ("(GMT -03:00)", "-03:00"),
            ("UTC+01", "+01:00"),
            ("UTC+11", "+11:00"),
            ("tzone://Microsoft/Utc", "UTC"),
            ("TZID=Europe/Germany", "Europe/Berlin"),
        ] {
            assert_eq!(name(zone).as_deref(), Some(expected), "{zone}");
        }
    }

    #[test]
    fn names_that_mean_nothing_stay_unknown() {
        for zone in [
            "",
            "Customized Time Zone",
            "FOO",
            "/Europe/CUSTOM",
            "Nowhere/Middle",
            " 1",
            "tzone://Microsoft/Custom",
        ] {
            assert_eq!(name(zone), None, "{zone}");
        }
    }

    #[test]
    fn every_windows_zone_is_known() {
        for zone in ALL {
            assert!(resolve(zone.name()).is_some(), "{}", zone.name());
            assert!(resolve(zone.description()).is_some(), "{}", zone.description());
        }
    }
}
