//! Database connections and migrations.
