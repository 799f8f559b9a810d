//! Telephone numbers: what a dialer writes, as E.164 numbers with their countries.
//!
//! Which numbers there are, and where, is told by the metadata of libphonenumber, compiled in. A number that does not say
//! its country is read as one of the country of our own side. Not every number has a place: those that many countries share,
//! such as `+1 800`, and those of satellites and services lie in [`Region::Unknown`], which is a value like any other.

use std::sync::LazyLock;

use phonenumber::metadata::{DATABASE, Database};
use phonenumber::{Metadata, Mode, PhoneNumber};
use unicode_normalization::UnicodeNormalization as _;

/// Longer texts are no telephone numbers, in bytes.
pub const MAX_RAW: usize = 128;

/// Digits of the longest number of E.164.
const LONGEST: usize = 15;

/// Numbers without a country that have at most so many digits may be extensions.
const SHORT: usize = 6;

/// The calling code that many countries share, where only the area code tells which.
const NANP: u16 = 1;

/// Compiled patterns kept at a time: those of a few dozen countries. With the hundred that are kept otherwise, two numbers of
/// North America drive each other's patterns out.
const PATTERNS: usize = 2_048;

static METADATA: LazyLock<&'static Database> = LazyLock::new(|| {
    let database: &Database = &DATABASE;
    if let Ok(mut cache) = database.cache().lock() {
        cache.set_capacity(PATTERNS);
    }
    database
});

/// A country, by its two letters of ISO 3166-1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

impl Country {
    /// The country of two letters, such as `DE`, if there are telephones in it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let letters: [u8; 2] = name.as_bytes().try_into().ok()?;
        METADATA.by_id(name)?;
        Some(Self(letters))
    }

    /// Its two letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    fn metadata(&self) -> Option<&'static Metadata> {
        METADATA.by_id(self.as_str())
    }
}

/// Where a number lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Region {
    /// In a country.
    In(Country),
    /// Nowhere in particular, or nobody can tell.
    Unknown,
}

impl Region {
    /// The country, where there is one.
    #[must_use]
    pub const fn country(self) -> Option<Country> {
        match self {
            Self::In(country) => Some(country),
            Self::Unknown => None,
        }
    }
}

/// The number of one side of a call.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Number {
    /// A number with its country code.
    Full(Full),
    /// A short number inside a company's own telephone system.
    Extension(String),
    /// Withheld, or nothing anybody could read.
    Unknown,
}

/// A number with its country code.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Full {
    digits: String,
    region: Region,
    valid: bool,
}

impl Full {
    /// Its digits, the country code first, without the `+`.
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.digits
    }

    /// Where it lies.
    #[must_use]
    pub const fn region(&self) -> Region {
        self.region
    }

    /// Whether such a number can exist. One that cannot is no matter of policy: a call to it does not connect.
    #[must_use]
    pub const fn is_valid(&self) -> bool {
        self.valid
    }
}

impl std::fmt::Display for Full {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "+{}", self.digits)
    }
}

impl Number {
    /// Reads what a dialer wrote. `home` is where our own side is: a number without a country code is one of there, unless
    /// it can only be one with its `+` left out.
    #[must_use]
    pub fn read(raw: &str, home: Region) -> Self {
        let Some((plus, digits)) = digits(raw) else { return Self::Unknown };
        if plus {
            return international(&digits);
        }
        let local = home.country().and_then(|country| national(&digits, country));
        if let Some(local) = local.as_ref().filter(|local| local.valid) {
            return Self::Full(local.clone());
        }
        if digits.len() <= SHORT {
            return Self::Extension(digits);
        }
        let abroad = international(digits.strip_prefix("00").unwrap_or(&digits));
        match (abroad, local) {
            (Self::Full(abroad), _) if abroad.valid => Self::Full(abroad),
            (_, Some(local)) => Self::Full(local),
            (_, None) => Self::Unknown,
        }
    }

    /// Our own number and the other side's. Ours tells where the other is read from.
    #[must_use]
    pub fn both(own: &str, other: &str) -> (Self, Self) {
        let own = Self::read(own, Region::Unknown);
        let other = Self::read(other, own.region());
        (own, other)
    }

    /// The number with its country code, where it has one.
    #[must_use]
    pub const fn full(&self) -> Option<&Full> {
        match self {
            Self::Full(full) => Some(full),
            Self::Extension(_) | Self::Unknown => None,
        }
    }

    /// Where it lies.
    #[must_use]
    pub fn region(&self) -> Region {
        self.full().map_or(Region::Unknown, Full::region)
    }

    /// Whether it begins with those digits, the country code first; one without a country code begins with nothing.
    #[must_use]
    pub fn begins_with(&self, digits: &str) -> bool {
        self.full().is_some_and(|full| full.digits.starts_with(digits))
    }
}

/// Whether a country code stands in front, and the digits; none where it is no number.
fn digits(raw: &str) -> Option<(bool, String)> {
    if raw.len() > MAX_RAW {
        return None;
    }
    let text: String = raw.nfkc().collect::<String>().trim().to_ascii_lowercase();
    let text = ["tel:", "sips:", "sip:", "callto:"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme))
        .unwrap_or(&text);
    let text = text.split(['@', ';', ',', 'x', '#']).next().unwrap_or_default();
    // What stands behind the number of a switchboard: `ext. 12`.
    let text = text.strip_suffix('e').unwrap_or(text).trim();
    let plus = text.starts_with('+');
    let mut digits = String::new();
    for c in text.chars().skip(usize::from(plus)) {
        match c {
            '0'..='9' => digits.push(c),
            _ if c.is_alphanumeric() || c == '+' || c == '*' => return None,
            _ => {}
        }
    }
    (!digits.is_empty()).then_some((plus, digits))
}

/// A number that begins with its country code.
fn international(digits: &str) -> Number {
    let parsed = phonenumber::parse_with(&METADATA, None, format!("+{digits}"));
    match parsed {
        Ok(parsed) => Number::Full(full(&parsed)),
        Err(_) if digits.starts_with('0') || digits.len() > LONGEST => Number::Unknown,
        // Its beginning tells as much as there is to tell of it.
        Err(_) => {
            Number::Full(Full { digits: digits.to_owned(), region: Region::Unknown, valid: false })
        }
    }
}

/// A number as it is dialled inside a country.
fn national(digits: &str, country: Country) -> Option<Full> {
    let metadata = country.metadata()?;
    // As short as an extension, and without the digit that begins every call to elsewhere: it is one.
    let trunk = metadata.national_prefix().unwrap_or_default();
    if digits.len() <= SHORT && !digits.starts_with(trunk) {
        return None;
    }
    let id = metadata.id().parse().ok()?;
    phonenumber::parse_with(&METADATA, Some(id), digits).ok().map(|parsed| full(&parsed))
}

fn full(parsed: &PhoneNumber) -> Full {
    let written = parsed.format_with(&METADATA).mode(Mode::E164).to_string();
    let digits: String = written.chars().filter(char::is_ascii_digit).collect();
    let valid = digits.len() <= LONGEST && parsed.is_valid_with(&METADATA);
    let region = if valid { region(parsed) } else { Region::Unknown };
    Full { digits, region, valid }
}

/// Where a valid number lies. Countries that share a calling code are told apart by what follows it.
fn region(parsed: &PhoneNumber) -> Region {
    let code = parsed.code().value();
    let national = parsed.national().to_string();
    let countries = METADATA.region(&code).unwrap_or_default();
    let alone = countries.len() == 1;
    let is_there = |country: &Country| {
        let Some(metadata) = country.metadata() else { return false };
        match metadata.leading_digits() {
            Some(pattern) => pattern.find(&national).is_some_and(|found| found.start() == 0),
            None if alone || has_place(metadata, &national) => true,
            // `+1 800`, `+1 900` and `+1 500` are of nobody's country, although the list of the first one names them.
            None => code != NANP && is_of(metadata, &national),
        }
    };
    let found = countries.iter().filter_map(|name| Country::from_name(name)).find(is_there);
    found.map_or(Region::Unknown, Region::In)
}

/// Whether it is a number of a telephone that somebody has somewhere.
fn has_place(metadata: &Metadata, national: &str) -> bool {
    let kinds = metadata.descriptors();
    [kinds.fixed_line(), kinds.mobile()].into_iter().flatten().any(|kind| kind.is_match(national))
}

/// Whether it is one of a country's numbers of any kind.
fn is_of(metadata: &Metadata, national: &str) -> bool {
    let kinds = metadata.descriptors();
    [
        kinds.toll_free(),
        kinds.premium_rate(),
        kinds.shared_cost(),
        kinds.personal_number(),
        kinds.voip(),
        kinds.pager(),
        kinds.uan(),
        kinds.voicemail(),
    ]
    .into_iter()
    .flatten()
    .any(|kind| kind.is_match(national))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(name: &str) -> Region {
        Country::from_name(name).map_or(Region::Unknown, Region::In)
    }

    /// The number, its country, and whether it can exist.
    fn told(raw: &str, from: &str) -> String {
        match Number::read(raw, home(from)) {
            Number::Full(full) => format!(
                "{full} {} {}",
                full.region().country().map_or("nowhere".to_owned(), |c| c.as_str().to_owned()),
                if full.is_valid() { "valid" } else { "invalid" }
            ),
            Number::Extension(digits) => format!("extension {digits}"),
            Number::Unknown => "unknown".to_owned(),
        }
    }

    #[test]
    fn a_number_is_read_however_it_is_written() {
        for raw in [
            "+49 30 1234567",
            "+49 (0)30 1234567",
            "tel:+49-30-1234567",
            "sip:+49301234567@pbx.acme.example;user=phone",
            "+49301234567;ext=12",
            "+49 30 1234567 ext. 12",
            "＋４９３０１２３４５６７",
            "0049301234567",
            "49301234567",
            "030 / 123 45-67",
        ] {
            assert_eq!(told(raw, "DE"), "+49301234567 DE valid", "{raw}");
        }
    }

    #[test]
    fn a_number_without_country_is_one_of_ours() {
        assert_eq!(told("(212) 555-1234", "US"), "+12125551234 US valid");
        assert_eq!(told("(212) 555-1234", "??"), "unknown");
        let (own, other) = Number::both("+442079460000", "020 7946 0001");
        assert_eq!(own.region(), home("GB"));
        assert!(other.begins_with("442079460001"), "{other:?}");
    }

    #[test]
    fn the_area_code_tells_the_country_where_many_share_a_calling_code() {
        for (raw, country) in [
            ("+12125551234", "US"),
            ("+14165551234", "CA"),
            ("+18765551234", "JM"),
            ("+77012345678", "KZ"),
            ("+79161234567", "RU"),
            ("+441481234567", "GG"),
            ("+390612345678", "IT"),
        ] {
            assert_eq!(told(raw, ""), format!("{raw} {country} valid"));
        }
    }

    #[test]
    fn what_has_no_place_lies_nowhere() {
        for raw in ["+18005551234", "+19005551234", "+15005551234", "+80012345678"] {
            assert_eq!(told(raw, "US"), format!("{raw} nowhere valid"));
        }
        // Where one country has the calling code, its free numbers are its own.
        assert_eq!(told("+498001234567", ""), "+498001234567 DE valid");
    }

    #[test]
    fn a_number_that_cannot_exist_keeps_its_beginning() {
        assert_eq!(told("+4912", ""), "+4912 nowhere invalid");
        assert_eq!(told("+999123456", ""), "+999123456 nowhere invalid");
        assert!(Number::read("+4912", Region::Unknown).begins_with("49"));
        assert_eq!(told("555 1234", "US"), "+15551234 nowhere invalid");
    }

    #[test]
    fn short_numbers_are_extensions_unless_the_country_has_such() {
        assert_eq!(told("4711", "DE"), "extension 4711");
        assert_eq!(told("201234", "DE"), "extension 201234");
        assert_eq!(told("101", ""), "extension 101");
        assert_eq!(told("4001", "NU"), "+6834001 NU valid");
    }

    #[test]
    fn who_withholds_the_number_has_none() {
        let long = "1".repeat(MAX_RAW + 1);
        for raw in ["", " ", "anonymous", "Restricted", "+", "sip:ada@pbx.example", &long, "*100"] {
            assert_eq!(told(raw, "DE"), "unknown", "{raw}");
        }
    }
}
