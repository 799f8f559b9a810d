//! What a company says of telephone numbers: which calls are recorded, and which are with a colleague (DOMAIN 5.16).

use std::collections::{BTreeMap, BTreeSet};

use crate::company::{Counts, Dialer, NumberMode, e164_prefix};
use crate::phone::{Number, Region};
use crate::rule::Evidence;

/// A company's policy for telephone numbers, ready for judging.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbers {
    counts: Counts,
    /// By the digits of a prefix: the strictest mode, and the first place where it stands.
    modes: BTreeMap<String, Entry>,
    unknown: NumberMode,
    unknown_is_set: bool,
    /// The company's own numbers: digits and place.
    own: BTreeMap<String, usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    mode: NumberMode,
    place: usize,
}

/// What holds for a number or a call, and the entry that says so; none where nothing is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holds {
    /// What holds.
    pub mode: NumberMode,
    /// Where it is said.
    pub said: Option<Evidence>,
}

impl Numbers {
    /// Makes declared settings ready. Prefixes that are none are left out; validation refuses them.
    #[must_use]
    pub fn of(dialer: &Dialer) -> Self {
        let mut modes = BTreeMap::<String, Entry>::new();
        for (place, rule) in dialer.numbers.iter().enumerate() {
            let Some(digits) = e164_prefix(&rule.prefix) else { continue };
            let entry = Entry { mode: rule.mode, place };
            let known = modes.entry(digits.to_owned()).or_insert(entry);
            if known.mode < rule.mode {
                *known = entry;
            }
        }
        let mut own = BTreeMap::new();
        for (place, raw) in dialer.own_numbers.iter().enumerate() {
            if let Some(digits) = e164_prefix(raw) {
                own.entry(digits.to_owned()).or_insert(place);
            }
        }
        let strictest = modes.values().map(|entry| entry.mode).max();
        Self {
            counts: dialer.counts,
            unknown: dialer.unknown.or(strictest).unwrap_or(NumberMode::Automatic),
            unknown_is_set: dialer.unknown.is_some(),
            modes,
            own,
        }
    }

    /// What holds for a call between our own number and another. The other side's number counts, or the stricter of both.
    /// An extension is where our own number is.
    #[must_use]
    pub fn of_call(&self, own: &Number, other: &Number) -> Holds {
        let far = match other {
            Number::Extension(_) => own,
            Number::Full(_) | Number::Unknown => other,
        };
        let far = self.of_number(far);
        match self.counts {
            Counts::ExternalParty => far,
            Counts::EitherParty => {
                let near = self.of_number(own);
                if near.mode > far.mode { near } else { far }
            }
        }
    }

    /// What holds for a number: the longest prefix that fits, at equal length the stricter. Where none fits it is recorded,
    /// unless nobody can tell where it is.
    #[must_use]
    pub fn of_number(&self, number: &Number) -> Holds {
        let digits = number.full().map_or("", |full| full.digits());
        if let Some(Entry { mode, place }) = longest(&self.modes, digits) {
            let said = Evidence::Setting(format!("settings.dialer.numbers[{place}]").into());
            return Holds { mode: *mode, said: Some(said) };
        }
        if number.region() != Region::Unknown {
            return Holds { mode: NumberMode::Automatic, said: None };
        }
        let place =
            if self.unknown_is_set { "settings.dialer.unknown" } else { "settings.dialer.numbers" };
        let is_said = self.unknown_is_set || self.unknown != NumberMode::Automatic;
        Holds { mode: self.unknown, said: is_said.then(|| Evidence::Setting(place.into())) }
    }

    /// The beginnings for which another policy says something else, or says it elsewhere; none where the two differ for all
    /// numbers.
    pub(crate) fn differing<'n>(&'n self, other: &'n Self) -> Option<BTreeSet<&'n str>> {
        let general = |one: &Self| (one.counts, one.unknown, one.unknown_is_set);
        if general(self) != general(other) {
            return None;
        }
        let modes = self.modes.keys().chain(other.modes.keys());
        let modes = modes.filter(|digits| self.modes.get(*digits) != other.modes.get(*digits));
        let own = self.own.keys().chain(other.own.keys());
        let own = own.filter(|digits| self.own.get(*digits) != other.own.get(*digits));
        Some(modes.chain(own).map(String::as_str).collect())
    }

    /// Whether a number is one of the company's own: an extension, or declared as such; with the entry that says so.
    #[must_use]
    pub fn is_internal(&self, number: &Number) -> Option<Option<Evidence>> {
        match number {
            Number::Extension(_) => Some(None),
            Number::Full(full) => longest(&self.own, full.digits()).map(|place| {
                Some(Evidence::Setting(format!("settings.dialer.own_numbers[{place}]").into()))
            }),
            Number::Unknown => None,
        }
    }
}

/// The value of the longest key that a number begins with.
fn longest<'m, V>(by_prefix: &'m BTreeMap<String, V>, digits: &str) -> Option<&'m V> {
    if by_prefix.is_empty() {
        return None;
    }
    (1..=digits.len())
        .rev()
        .filter_map(|length| digits.get(..length))
        .find_map(|one| by_prefix.get(one))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::company::NumberRule;
    use NumberMode::{Automatic, AutomaticExcluded, Manual, Prohibited};

    fn dialer(rules: &[(&str, NumberMode)]) -> Dialer {
        let numbers = rules
            .iter()
            .map(|(prefix, mode)| NumberRule { prefix: (*prefix).to_owned(), mode: *mode })
            .collect();
        Dialer { numbers, ..Dialer::default() }
    }

    fn number(raw: &str) -> Number {
        Number::read(raw, Region::Unknown)
    }

    fn mode(dialer: &Dialer, raw: &str) -> NumberMode {
        Numbers::of(dialer).of_number(&number(raw)).mode
    }

    #[test]
    fn the_longest_prefix_wins_and_at_equal_length_the_stricter() {
        let rules = [
            ("+49", Prohibited),
            ("+4930", Automatic),
            ("+1", AutomaticExcluded),
            ("+1", Manual),
            ("+1", Automatic),
        ];
        let dialer = dialer(&rules);
        assert_eq!(mode(&dialer, "+49891234567"), Prohibited);
        assert_eq!(mode(&dialer, "+49301234567"), Automatic);
        assert_eq!(mode(&dialer, "+12125551234"), Manual);
        assert_eq!(mode(&dialer, "+33612345678"), Automatic);
        let said = Numbers::of(&dialer).of_number(&number("+12125551234")).said;
        assert_eq!(said, Some(Evidence::Setting("settings.dialer.numbers[3]".into())));
    }

    #[test]
    fn where_nobody_can_tell_the_place_the_strictest_holds_unless_the_company_says_otherwise() {
        let mut rules = dialer(&[("+1415", Prohibited), ("+49", Manual)]);
        for nowhere in ["", "anonymous", "+18005551234"] {
            assert_eq!(mode(&rules, nowhere), Prohibited, "{nowhere}");
        }
        assert_eq!(mode(&rules, "+12125551234"), Automatic);
        rules.unknown = Some(AutomaticExcluded);
        assert_eq!(mode(&rules, "+18005551234"), AutomaticExcluded);
        // A prefix that fits says more than that the place is unknown.
        rules.numbers.push(NumberRule { prefix: "+1".into(), mode: Manual });
        assert_eq!(mode(&rules, "+18005551234"), Manual);
        assert_eq!(mode(&dialer(&[]), "anonymous"), Automatic);
    }

    #[test]
    fn the_other_side_counts_or_the_stricter_of_both() {
        let mut rules = dialer(&[("+49", Prohibited), ("+33", Manual)]);
        let of = |dialer: &Dialer, own: &str, other: &str| {
            Numbers::of(dialer).of_call(&number(own), &number(other)).mode
        };
        assert_eq!(of(&rules, "+49301234567", "+33612345678"), Manual);
        rules.counts = Counts::EitherParty;
        assert_eq!(of(&rules, "+49301234567", "+33612345678"), Prohibited);
        assert_eq!(of(&rules, "+33612345678", "+49301234567"), Prohibited);
        assert_eq!(of(&rules, "+442079460000", "+442079460001"), Automatic);
    }

    #[test]
    fn an_extension_is_where_our_own_number_is() {
        let rules = dialer(&[("+49", Manual)]);
        let numbers = Numbers::of(&rules);
        assert_eq!(numbers.of_call(&number("+49301234567"), &number("101")).mode, Manual);
    }

    #[test]
    fn a_colleague_is_called_at_an_extension_or_at_one_of_our_own_numbers() {
        let rules = Dialer { own_numbers: vec!["+493012345".into()], ..Dialer::default() };
        let numbers = Numbers::of(&rules);
        assert_eq!(numbers.is_internal(&number("101")), Some(None));
        assert!(numbers.is_internal(&number("+49301234567")).is_some_and(|said| said.is_some()));
        for other in ["+49307654321", "anonymous"] {
            assert_eq!(numbers.is_internal(&number(other)), None, "{other}");
        }
    }
}
