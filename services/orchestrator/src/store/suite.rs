//! What the store must do, whatever it is kept in.
