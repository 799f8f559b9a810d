//! A recording with an excluded domain, address or keyword: the request lifts it (DOMAIN 4, 5.10).

use super::{Facts, Uploads};
use crate::{Answer, Opinion, Rule, SkipCode};

pub(super) const RULE: Rule<Uploads> =
    Rule { name: "upload-blocklisted", code: SkipCode::CallBlocklisted, asks };

fn asks(facts: &Facts<'_>) -> Answer {
    Ok(Opinion::against_any(facts.people.excluded(facts.policy, facts.upload.title.as_deref())))
}

#[cfg(test)]
mod tests {
    use super::super::example::found;
    use crate::SkipCode;

    #[test]
    fn each_list_is_asked_and_lifted() {
        let lifted = (vec![], vec![SkipCode::CallBlocklisted]);
        let of = |change: fn(&mut crate::company::Exclusions)| {
            found(|company, _| change(&mut company.settings.exclusions))
        };
        assert_eq!(of(|lists| lists.domains = vec!["customer.example".into()]), lifted);
        assert_eq!(of(|lists| lists.addresses = vec!["kim@customer.example".into()]), lifted);
        assert_eq!(of(|lists| lists.keywords = vec!["renewal".into()]), lifted);
    }
}
