//! A pool put on trial: history, or a story, goes by tick after tick, and a policy looks after a pool of it as it would in production.
//!
//! The world is made once and is the same for every contender: [`archive`] holds what the files know, [`market`] what coins cost,
//! [`pegs`] what was known of them, [`world`] all of it together; a [`story`] tells
//! what did not happen. [`setup`] is the pool and who looks after it, [`mod@run`] lets one
//! contender through the world on the exact maths of [`crate::simulation`], [`ledger`] keeps its books, [`course`] is what became of it,
//! `foresight` what could have. [`metrics`] are by which
//! measures contenders are compared, and a [`study`] is the comparison, which [`mod@report`]
//! writes down; [`mod@sensitivity`] is how much of it hangs on what was assumed.
//!
//! A [`mod@search`] lets a great many policies through folds of history and through [`episodes`] that chance has made, and says with intervals by
//! [`bootstrap`] what the best of them is worth where it was not chosen.
//!
//! What is assumed stands in every study, and in [`study`].

pub mod archive;
pub mod bootstrap;
pub mod course;
pub mod episodes;
mod foresight;
mod lanes;
pub mod ledger;
pub mod market;
pub mod metrics;
pub mod pegs;
pub mod report;
pub mod run;
pub mod search;
pub mod sensitivity;
pub mod setup;
pub mod steps;
pub mod story;
pub mod study;
#[cfg(test)]
mod tests;
pub mod world;

pub use archive::Archive;
pub use course::{Books, Course};
pub use run::{RunFault, run};
pub use setup::{Acts, Contender, Setup};
pub use study::Study;
pub use world::{Law, World, WorldFault};
