//! What outlives an actor, behind [`crate::ports::Journal`].

pub mod memory;
