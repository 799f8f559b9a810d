//! The tables of what is carried out.

/// Attempts.
pub(crate) mod attempt {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "provider_adapters_attempt")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) id: String,
        pub(crate) company: String,
        pub(crate) call_id: String,
        /// The call in its company, as a name to find its attempts by.
        pub(crate) call: String,
        pub(crate) plan_revision: i64,
        pub(crate) run: i64,
        pub(crate) adapter: i16,
        /// Who carries it out; empty where nobody does.
        pub(crate) carrier: String,
        /// The connection by which that is done, from the first to the last; empty where there is none to choose.
        pub(crate) connection: String,
        /// A [`super::State`].
        pub(crate) state: i16,
        /// The order without its link; empty for one that was called back before it came.
        #[sea_orm(column_type = "Blob")]
        pub(crate) body: Vec<u8>,
        /// The link of the order, until it is not needed any more.
        pub(crate) secret: Option<String>,
        /// Where it takes place, as a name to find it by; see [`super::super::key`].
        pub(crate) place: Option<String>,
        pub(crate) start_us: Option<i64>,
        pub(crate) end_us: Option<i64>,
        /// After this it is not tried any more.
        pub(crate) until_us: i64,
        /// When it was told to stop.
        pub(crate) stopped_us: Option<i64>,
        /// The name of the fleet that has it, or that it was offered to.
        pub(crate) fleet: String,
        /// Until when it is offered to that fleet alone.
        pub(crate) offered_us: Option<i64>,
        /// When the fleet that has it last named it, on whichever of its streams, by the database's clock.
        pub(crate) named_us: Option<i64>,
        /// Fleets that did not take it, a line each.
        #[sea_orm(column_type = "Text")]
        pub(crate) declined: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The latest attempt at each call.
pub(crate) mod fence {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "provider_adapters_fence")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) id: String,
        pub(crate) plan_revision: i64,
        pub(crate) run: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Things to do at providers.
pub(crate) mod work {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "provider_adapters_work")]
    pub(crate) struct Model {
        /// In the order in which they are to be done within an attempt.
        #[sea_orm(primary_key)]
        pub(crate) id: i64,
        pub(crate) attempt: String,
        pub(crate) carrier: String,
        /// The connection of the attempt.
        pub(crate) connection: String,
        /// A [`super::super::work::Kind`].
        pub(crate) kind: i16,
        /// The number of an instruction.
        pub(crate) number: i64,
        pub(crate) due_us: i64,
        pub(crate) until_us: i64,
        pub(crate) tries: i64,
        pub(crate) claimed_until: Option<i64>,
        pub(crate) claim: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Instructions that were kept, so that one that comes again is done once.
pub(crate) mod done {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "provider_adapters_instruction")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) id: String,
        pub(crate) attempt: String,
        pub(crate) act: i16,
        pub(crate) kept_us: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The log of news.
pub(crate) mod news {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "provider_adapters_news")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) place: i64,
        pub(crate) company: String,
        /// The same however often it is told.
        pub(crate) name: String,
        #[sea_orm(column_type = "Blob")]
        pub(crate) body: Vec<u8>,
        /// When it was told, by the database's clock; nothing in rows that are older than this column.
        pub(crate) told_us: Option<i64>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The place of the newest news: one row. Places are drawn from it inside the transaction that uses them, and whoever draws
/// holds the row until all is committed: no place is seen before an earlier one, and none is left out.
pub(crate) mod head {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "provider_adapters_head")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) id: i64,
        pub(crate) place: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// What providers call an attempt: its bot, the run of its conference, its telephone call.
pub(crate) mod name {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "provider_adapters_name")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) attempt: String,
        /// A [`crate::carry::Kind`].
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) kind: i16,
        /// The name as the provider spells it.
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) value: String,
        /// The name to find it by; see [`super::super::key`].
        pub(crate) name: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Fleets of bots that are, or were, connected.
pub(crate) mod fleet {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "provider_adapters_fleet")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) id: String,
        /// Empty where it works for all of the installation.
        pub(crate) company: String,
        pub(crate) name: String,
        pub(crate) seen_us: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Webhooks as they came.
pub(crate) mod inbox {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "provider_adapters_inbox")]
    pub(crate) struct Model {
        #[sea_orm(primary_key)]
        pub(crate) id: i64,
        pub(crate) connection: String,
        pub(crate) company: String,
        /// The same for every delivery of it.
        pub(crate) name: String,
        pub(crate) received_us: i64,
        /// The body without secrets; empty once it was worked on.
        #[sea_orm(column_type = "Blob")]
        pub(crate) body: Vec<u8>,
        /// What was encrypted in it.
        #[sea_orm(column_type = "Blob", nullable)]
        pub(crate) content: Option<Vec<u8>>,
        pub(crate) waiting: bool,
        pub(crate) due_us: i64,
        pub(crate) tries: i64,
        pub(crate) claimed_until: Option<i64>,
        pub(crate) claim: Option<String>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Who is in the conference of an attempt, as far as events tell.
pub(crate) mod presence {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "provider_adapters_presence")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) attempt: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) person: String,
        pub(crate) address: String,
        pub(crate) is_recorder: bool,
        pub(crate) is_host: bool,
        pub(crate) same_organisation: bool,
        pub(crate) here: bool,
        /// When the last word on them was true.
        pub(crate) since_us: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// Raw codes nobody has mapped, for people to look at.
pub(crate) mod evidence {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "provider_adapters_evidence")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) id: String,
        pub(crate) company: String,
        pub(crate) provider: String,
        pub(crate) kind: String,
        #[sea_orm(column_type = "Text")]
        pub(crate) code: String,
        #[sea_orm(column_type = "Text")]
        pub(crate) text: String,
        pub(crate) observed_us: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// What is wrong with connections.
pub(crate) mod problem {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "provider_adapters_problem")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) connection: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) code: String,
        pub(crate) since_us: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// What was used of what a provider allows in a day.
pub(crate) mod budget {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "provider_adapters_budget")]
    pub(crate) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) account: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) subject: String,
        /// Days since 1970.
        #[sea_orm(primary_key, auto_increment = false)]
        pub(crate) day: i64,
        pub(crate) used: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
