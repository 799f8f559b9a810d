//! Names under which rows are found: digests of what they stand for, of one length whatever that is.

use sha2::{Digest as _, Sha256};

use crate::attempts::{Attempt, Change};

/// The name of parts, which are told apart however they are cut: 32 hexadecimal digits.
fn of(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest: [u8; 32] = hash.finalize().into();
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// An attempt.
pub(crate) fn attempt(attempt: &Attempt) -> String {
    let (revision, run) = (attempt.plan_revision.to_be_bytes(), attempt.run.to_be_bytes());
    of(&[b"attempt", attempt.company.as_bytes(), attempt.call_id.as_bytes(), &revision, &run])
}

/// The call of an attempt.
pub(crate) fn call(attempt: &Attempt) -> String {
    of(&[b"call", attempt.company.as_bytes(), attempt.call_id.as_bytes()])
}

/// An instruction: counted in a session, which is a plan of a call.
pub(crate) fn instruction(attempt: &Attempt, number: u64) -> String {
    let (revision, number) = (attempt.plan_revision.to_be_bytes(), number.to_be_bytes());
    of(&[b"act", attempt.company.as_bytes(), attempt.call_id.as_bytes(), &revision, &number])
}

/// A piece of news: told under a key that is unique in its attempt, or in its company where it is of none.
pub(crate) fn news(change: &Change) -> String {
    let company = change.company().as_bytes();
    match change {
        Change::Told(news) => {
            of(&[b"told", company, attempt(&news.attempt).as_bytes(), news.key.as_bytes()])
        }
        Change::Call { key, .. } => of(&[b"phone", company, key.as_bytes()]),
        Change::Facts { key, .. } => of(&[b"facts", company, key.as_bytes()]),
    }
}

/// A fleet of bots: two companies may call theirs the same.
pub(crate) fn fleet(company: &str, name: &str) -> String {
    of(&[b"fleet", company.as_bytes(), name.as_bytes()])
}

/// What a provider calls something, in a company.
pub(crate) fn name(company: &str, kind: &str, value: &str) -> String {
    of(&[b"name", company.as_bytes(), kind.as_bytes(), value.as_bytes()])
}

/// What a connection is to be notified of.
pub(crate) fn subscription(connection: &str, resource: &str) -> String {
    of(&[b"subscription", connection.as_bytes(), resource.as_bytes()])
}

/// What a subscription is made with: another one is to be made when anything of it changes.
pub(crate) fn made(parts: &[&[u8]]) -> String {
    of(&[&[b"made".as_slice()], parts].concat())
}

/// A webhook of a connection, by what is the same for every delivery of it.
pub(crate) fn webhook(connection: &str, parts: &[&str]) -> String {
    let parts = parts.iter().map(|part| part.as_bytes());
    let all: Vec<&[u8]> =
        [b"webhook".as_slice(), connection.as_bytes()].into_iter().chain(parts).collect();
    of(&all)
}

/// A webhook that cannot be read, by its bytes.
pub(crate) fn bytes(connection: &str, body: &[u8]) -> String {
    of(&[b"bytes", connection.as_bytes(), body])
}

/// A raw code of a provider, as a company met it.
pub(crate) fn code(company: &str, provider: &str, kind: &str, code: &str) -> String {
    of(&[b"code", company.as_bytes(), provider.as_bytes(), kind.as_bytes(), code.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_however_they_are_cut() {
        let attempt_of = |company: &str, call: &str, plan_revision, run| {
            let (company, call_id) = (company.to_owned(), call.to_owned());
            attempt(&Attempt { company, call_id, plan_revision, run })
        };
        let one = attempt_of("acme", "c", 1, 0);
        assert_eq!(one.len(), 32);
        for other in [
            attempt_of("acm", "ec", 1, 0),
            attempt_of("acme", "c", 2, 0),
            attempt_of("acme", "c", 1, 1),
        ] {
            assert_ne!(one, other);
        }
        assert_eq!(one, attempt_of("acme", "c", 1, 0));
        assert_ne!(name("a", "bot", "x"), name("b", "bot", "x"));
    }
}
