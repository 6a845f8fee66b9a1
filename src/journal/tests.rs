//! What every journal promises, and what the durable ones promise beyond that.
//!
//! The sentences of [`contract`] are run over the three journals; [`model`] lets them go through the same random lives and compares
//! them. [`durable`] closes, fences and races the ones with a database; [`failing`] takes the disk and the server away from them.

mod contract;
mod durable;
mod failing;
mod fuzz;
mod model;
mod opening;
mod support;
