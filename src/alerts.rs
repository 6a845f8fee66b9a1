//! Places where people read alerts. A sink delivers one alert once and says what happened; order, repetition and retries are the
//! alerter's.

pub mod discord;
