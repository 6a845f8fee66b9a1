//! Prices off the chain, as [`crate::ports::PriceStream`] wants them. An adapter translates and judges what one source says; when to
//! connect again, and whether a quote is of now, is its caller's.

pub mod hermes;
