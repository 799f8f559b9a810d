//! When providers last answered, so that a connection over which nothing comes is told from one that nobody uses.

use chrono::{DateTime, Utc};
use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait as _;
use sea_orm::sea_query::{Expr, OnConflict};
use storage::insert_many;

use super::{Journal, instant, micros};
use crate::error::Error;

impl Journal {
    /// Notes that the provider behind a connection answered.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn answered(&self, connection: &str, at: DateTime<Utc>) -> Result<(), Error> {
        use answer::Column as C;
        let newer = Expr::cust("excluded.at_us > provider_adapters_answer.at_us");
        let again = OnConflict::column(C::Connection)
            .update_column(C::AtUs)
            .action_and_where(newer)
            .to_owned();
        let row =
            answer::ActiveModel { connection: Set(connection.to_owned()), at_us: Set(micros(at)) };
        let (row, again) = (&row, &again);
        self.database
            .write(|tx| async move { insert_many(&tx, [row.clone()], Some(again.clone())).await })
            .await?;
        Ok(())
    }

    /// When the provider behind a connection last answered.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) async fn last_answer(
        &self,
        connection: &str,
    ) -> Result<Option<DateTime<Utc>>, Error> {
        let found = answer::Entity::find_by_id(connection).one(self.database.reader()).await;
        let found = found.map_err(storage::Error::from)?;
        Ok(found.map(|row| instant(row.at_us)).transpose()?)
    }
}

mod answer {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "provider_adapters_answer")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) connection: String,
        pub(super) at_us: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(crate) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
