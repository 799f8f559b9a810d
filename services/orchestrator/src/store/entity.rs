//! The tables as sea-orm sees them. Instants are microseconds since 1970.

/// Calls with the decision that holds.
pub(crate) mod call {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "orchestrator_call")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) company: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) call_id: String,
        pub(crate) start: i64,
        pub(crate) sort_key: Vec<u8>,
        pub(crate) kind: i16,
        pub(crate) code: i32,
        pub(crate) decide_by: Option<i64>,
        pub(crate) had_plan: bool,
        pub(crate) planned_owner: Option<String>,
        pub(crate) judged_policy: i64,
        pub(crate) judged_meeting: i64,
        pub(crate) contends_until: Option<i64>,
        pub(crate) revision: i64,
        pub(crate) decision: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Every decision ever made, in the order in which they were.
pub(crate) mod decision {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "orchestrator_decision")]
    pub(crate) struct Model {
        #[sea_orm(primary_key)]
        pub(crate) cursor: i64,
        pub(crate) company: String,
        pub(crate) call_id: String,
        pub(crate) revision: i64,
        pub(crate) decision: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// What people asked of calls.
pub(crate) mod action {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "orchestrator_action")]
    pub(crate) struct Model {
        #[sea_orm(primary_key)]
        pub(crate) sequence: i64,
        pub(crate) company: String,
        pub(crate) call_id: String,
        pub(crate) cancels: bool,
        pub(crate) who: String,
        pub(crate) asked_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// How far something has come.
pub(crate) mod progress {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "orchestrator_progress")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) name: String,
        pub(crate) position: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
