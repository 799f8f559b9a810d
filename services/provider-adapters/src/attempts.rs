//! Attempts to carry plans out: what names them, what is ordered, what is told of them.

mod order;
mod signal;

use proto::Invalid;
use proto::provider::v1;

pub(crate) use order::Order;
pub(crate) use signal::{Change, Evidence, MAX_ROSTER, News, Person, Word};

/// Bytes of a company's id, at most.
const MAX_COMPANY: usize = 255;
/// Bytes of a call's id, at most.
const MAX_CALL: usize = 500;

/// One attempt to carry out a plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Attempt {
    /// The company.
    pub(crate) company: String,
    /// The call.
    pub(crate) call_id: String,
    /// Revision of the plan.
    pub(crate) plan_revision: u64,
    /// Number of the attempt among all of the plan, from 0.
    pub(crate) run: u32,
}

impl Attempt {
    /// What grows with every attempt at the call.
    #[cfg(test)]
    pub(crate) fn place(&self) -> (u64, u32) {
        (self.plan_revision, self.run)
    }
}

impl TryFrom<Option<v1::Attempt>> for Attempt {
    type Error = Invalid;

    fn try_from(wire: Option<v1::Attempt>) -> Result<Self, Invalid> {
        let wire = wire.ok_or(Invalid::Missing("attempt"))?;
        let v1::Attempt { company, call_id, plan_revision, run } = wire;
        text("attempt.company", &company, 1, MAX_COMPANY)?;
        text("attempt.call_id", &call_id, 1, MAX_CALL)?;
        if i64::try_from(plan_revision).is_err() {
            let problem = "is larger than any revision".to_owned();
            return Err(Invalid::Text { field: "attempt.plan_revision", problem });
        }
        Ok(Self { company, call_id, plan_revision, run })
    }
}

impl From<&Attempt> for v1::Attempt {
    fn from(attempt: &Attempt) -> Self {
        Self {
            company: attempt.company.clone(),
            call_id: attempt.call_id.clone(),
            plan_revision: attempt.plan_revision,
            run: attempt.run,
        }
    }
}

/// Refuses text that is too short or too long, and text that PostgreSQL cannot keep.
pub(crate) fn text(
    field: &'static str,
    text: &str,
    least: usize,
    most: usize,
) -> Result<(), Invalid> {
    if text.len() < least {
        return Err(Invalid::Missing(field));
    }
    if text.len() > most {
        let problem = format!("has {} bytes, at most {most} are taken", text.len());
        return Err(Invalid::Text { field, problem });
    }
    if text.contains('\0') {
        return Err(Invalid::Text { field, problem: "holds a zero byte".to_owned() });
    }
    Ok(())
}

/// What became of an order, a withdrawal or an instruction as it arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Receipt {
    /// It is kept, and will be done.
    Accepted,
    /// It had been kept already.
    Repeated,
    /// A newer revision of the plan, or a later attempt, is known.
    Fenced,
    /// Nobody here knows the attempt.
    Unknown,
}

impl From<Receipt> for v1::Receipt {
    fn from(receipt: Receipt) -> Self {
        match receipt {
            Receipt::Accepted => Self::Accepted,
            Receipt::Repeated => Self::Repeated,
            Receipt::Fenced => Self::Fenced,
            Receipt::Unknown => Self::Unknown,
        }
    }
}

/// An attempt to call back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Withdrawal {
    /// Which.
    pub(crate) attempt: Attempt,
}

impl TryFrom<v1::Withdrawal> for Withdrawal {
    type Error = Invalid;

    fn try_from(wire: v1::Withdrawal) -> Result<Self, Invalid> {
        Ok(Self { attempt: wire.attempt.try_into()? })
    }
}

/// Something else to do in an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Instruction {
    /// Which attempt.
    pub(crate) attempt: Attempt,
    /// What.
    pub(crate) act: v1::Act,
    /// Counts instructions of the session, from 1.
    pub(crate) number: u64,
}

impl TryFrom<v1::Instruction> for Instruction {
    type Error = Invalid;

    fn try_from(wire: v1::Instruction) -> Result<Self, Invalid> {
        let field = "act";
        let act = v1::Act::try_from(wire.act).ok().filter(|act| *act != v1::Act::Unspecified);
        let act = act.ok_or(Invalid::Enum { field, value: wire.act })?;
        if wire.number == 0 || i64::try_from(wire.number).is_err() {
            let problem = "instructions are counted from 1".to_owned();
            return Err(Invalid::Text { field: "number", problem });
        }
        Ok(Self { attempt: wire.attempt.try_into()?, act, number: wire.number })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_are_refused() {
        let wire = |company: &str, call_id: &str, plan_revision| {
            let (company, call_id) = (company.to_owned(), call_id.to_owned());
            Attempt::try_from(Some(v1::Attempt { company, call_id, plan_revision, run: 0 }))
        };
        assert!(wire("acme", "c1", 1).is_ok());
        let long = "x".repeat(MAX_CALL + 1);
        for (company, call_id, revision) in
            [("", "c", 1), ("acme", "", 1), ("ac\0me", "c", 1), ("acme", &long, 1)]
        {
            assert!(wire(company, call_id, revision).is_err(), "{company:?} {call_id:?}");
        }
        assert!(wire("acme", "c1", u64::MAX).is_err());
        assert!(Attempt::try_from(None).is_err());
    }

    #[test]
    fn an_instruction_says_what_and_which_it_is() {
        let attempt =
            v1::Attempt { company: "a".into(), call_id: "c".into(), plan_revision: 1, run: 0 };
        let wire = |act: i32, number| {
            let attempt = Some(attempt.clone());
            Instruction::try_from(v1::Instruction { attempt, act, number, ..Default::default() })
        };
        assert!(wire(v1::Act::Stop.into(), 1).is_ok());
        assert!(wire(0, 1).is_err() && wire(77, 1).is_err() && wire(1, 0).is_err());
    }
}
