//! The tables as sea-orm sees them. Instants are microseconds since 1970.

/// Declares an entity without relations.
macro_rules! entity {
    ($(#[$meta:meta])* $module:ident = $table:literal { $($(#[$attribute:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        pub(crate) mod $module {
            use sea_orm::entity::prelude::*;

            #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
            #[sea_orm(table_name = $table)]
            pub(crate) struct Model {
                $($(#[$attribute])* pub(crate) $field: $type,)*
            }

            #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
            pub(crate) enum Relation {}

            impl ActiveModelBehavior for ActiveModel {}
        }
    };
}

entity! {
    /// Calls with the decision that holds.
    call = "orchestrator_call" {
        #[sea_orm(primary_key, auto_increment = false)]
        company: String,
        #[sea_orm(primary_key, auto_increment = false)]
        call_id: String,
        version: i64,
        start: i64,
        sort_key: Vec<u8>,
        kind: i16,
        code: i32,
        provider: i32,
        owner: String,
        had_plan: bool,
        planned_owner: Option<String>,
        ended: bool,
        judged_policy: i64,
        judged_meeting: i64,
        contends_until: Option<i64>,
        contends_owner: Option<String>,
        contends_room: Option<String>,
        organizes: bool,
        received: i64,
        candidate: Option<Vec<u8>>,
        traces: Vec<u8>,
        partial_until: Option<i64>,
        revision: i64,
        decision: Vec<u8>,
    }
}

entity! {
    /// Every decision ever made. Rows are only added.
    decision = "orchestrator_decision" {
        #[sea_orm(primary_key, auto_increment = false)]
        company: String,
        #[sea_orm(primary_key, auto_increment = false)]
        call_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        revision: i64,
        decided_at: i64,
        decision: Vec<u8>,
    }
}

entity! {
    /// Decisions that are not in the log yet.
    outbox = "orchestrator_outbox" {
        #[sea_orm(primary_key)]
        id: i64,
        company: String,
        call_id: String,
        revision: i64,
    }
}

entity! {
    /// All decisions in one order, chained by their hashes, company by company.
    log = "orchestrator_log" {
        #[sea_orm(primary_key, auto_increment = false)]
        position: i64,
        company: String,
        number: i64,
        call_id: String,
        revision: i64,
        hash: Vec<u8>,
    }
}

entity! {
    /// The end of each company's chain.
    head = "orchestrator_head" {
        #[sea_orm(primary_key, auto_increment = false)]
        company: String,
        number: i64,
        hash: Vec<u8>,
    }
}

entity! {
    /// What people asked of calls.
    action = "orchestrator_action" {
        #[sea_orm(primary_key)]
        sequence: i64,
        company: String,
        call_id: String,
        cancels: bool,
        who: String,
        asked_at: i64,
    }
}

entity! {
    /// Active plans: one for an occurrence of a conference.
    plan = "orchestrator_plan" {
        #[sea_orm(primary_key, auto_increment = false)]
        company: String,
        #[sea_orm(primary_key, auto_increment = false)]
        dedupe_key: String,
        call_id: String,
        revision: i64,
        released_at: Option<i64>,
    }
}

entity! {
    /// Names by which a recipient, through which the event of a call came, can belong to another company.
    recipient = "orchestrator_recipient" {
        #[sea_orm(primary_key, auto_increment = false)]
        name: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        company: String,
        #[sea_orm(primary_key, auto_increment = false)]
        call_id: String,
    }
}

entity! {
    /// What is to be done when its time has come.
    timer = "orchestrator_timer" {
        #[sea_orm(primary_key)]
        id: i64,
        company: String,
        call_id: String,
        kind: i16,
        due: i64,
        revision: i64,
        tries: i64,
        claimed_until: Option<i64>,
        claim: Option<String>,
    }
}

entity! {
    /// How far the calls of a company have been decided again after a change of policy.
    storm = "orchestrator_storm" {
        #[sea_orm(primary_key, auto_increment = false)]
        company: String,
        judged_version: i64,
        target_version: i64,
        told_version: i64,
        fresh: bool,
        at_start: Option<i64>,
        at_key: Option<Vec<u8>>,
        at_id: Option<String>,
        at_page: Option<String>,
        total: i64,
        done: i64,
        changed: i64,
        started_at: i64,
        finished_at: Option<i64>,
        claimed_until: Option<i64>,
        claim: Option<String>,
        tries: i64,
    }
}

entity! {
    /// The company files by which the calls of companies are decided, for when their keeper does not answer.
    policy = "orchestrator_policy" {
        #[sea_orm(primary_key, auto_increment = false)]
        company: String,
        version: i64,
        document: String,
    }
}

entity! {
    /// How far something has come.
    progress = "orchestrator_progress" {
        #[sea_orm(primary_key, auto_increment = false)]
        name: String,
        position: i64,
    }
}

entity! {
    /// Sessions: plans that are being carried out, or were.
    session = "orchestrator_session" {
        #[sea_orm(primary_key, auto_increment = false)]
        company: String,
        #[sea_orm(primary_key, auto_increment = false)]
        call_id: String,
        #[sea_orm(primary_key, auto_increment = false)]
        plan_revision: i64,
        holds: i64,
        provider: i32,
        machine: String,
        stage: String,
        orders: i64,
        began_at: i64,
        ended_at: Option<i64>,
        next_due: Option<i64>,
        told: bool,
        requested: bool,
    }
}

entity! {
    /// What sessions ask of adapters, until it is theirs.
    command = "orchestrator_command" {
        #[sea_orm(primary_key)]
        id: i64,
        company: String,
        call_id: String,
        plan_revision: i64,
        run: i16,
        kind: i16,
        means: i16,
        adapter: i16,
        number: i64,
        due: i64,
        tries: i64,
        claimed_until: Option<i64>,
        claim: Option<String>,
    }
}

entity! {
    /// Telephone calls and uploads, as they were registered.
    registered = "orchestrator_registered" {
        #[sea_orm(primary_key, auto_increment = false)]
        company: String,
        #[sea_orm(primary_key, auto_increment = false)]
        call_id: String,
        kind: i16,
        input: Vec<u8>,
        link: Option<String>,
        received: i64,
        revision: i64,
    }
}
