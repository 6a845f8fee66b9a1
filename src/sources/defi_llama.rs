//! Yields as `DefiLlama` publishes them: the newest day of a pool's history. It reads the same contracts as we do, minutes to hours
//! later, and is asked only to find our own mistakes.
//!
//! The history of one pool is asked for (`/chart/{pool}`), and not the list of all of them, which has ten megabytes. What is paid in
//! other coins as a reward is left out: nobody can say what it will be worth.
//!
//! The address may carry a key and appears in no error: faults are told in our own words.

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use chrono::DateTime;
use reqwest::{Client, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::domain::units::Timestamp;
use crate::domain::yields::{Apy, YieldFault};
use crate::ports::{Testimony, YieldWitness};

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(20);
/// The longest answer that is read: a history of ten years has less than half of it.
const MOST_BYTES: usize = 2 * 1024 * 1024;

/// One pool.
pub struct DefiLlama {
    client: Client,
    address: Url,
}

impl fmt::Debug for DefiLlama {
    /// Without the address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DefiLlama").finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct History {
    status: String,
    #[serde(default)]
    data: Vec<Day>,
}

/// A day. All yields are in percent.
#[derive(Deserialize)]
struct Day {
    timestamp: String,
    /// With rewards.
    apy: Option<f64>,
    /// Without.
    #[serde(rename = "apyBase")]
    base: Option<f64>,
}

impl DefiLlama {
    /// The pool with this id on the server `base`. Nothing is sent yet.
    ///
    /// # Errors
    /// The address cannot have routes, or there is no TLS; without the address.
    pub fn new(base: &SecretString, pool: &str) -> Result<Self, String> {
        let mut address: Url = base.expose_secret().parse().map_err(|_| "the address of DefiLlama is no URL".to_owned())?;
        let routes = address.path_segments_mut().map_err(|()| "the address of DefiLlama cannot have routes".to_owned());
        routes?.pop_if_empty().extend(["chart", pool]);
        let client = Client::builder().timeout(TIMEOUT).redirect(redirect::Policy::none()).build();
        let client = client.map_err(|fault| format!("there is no HTTP client: {}", fault.without_url()))?;
        Ok(Self { client, address })
    }

    async fn history(&self) -> Result<Vec<u8>, YieldFault> {
        let away = |fault: reqwest::Error| {
            let why = if fault.is_timeout() { "it does not answer in time" } else { "there is no connection" };
            YieldFault::Unreachable(why.to_owned())
        };
        let mut response = self.client.get(self.address.clone()).send().await.map_err(away)?;
        let status = response.status();
        if !status.is_success() {
            return Err(YieldFault::Unreachable(format!("it answers {}", status.as_u16())));
        }
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(away)? {
            if body.len().saturating_add(part.len()) > MOST_BYTES {
                return Err(YieldFault::Unreadable(format!("the answer has more than {MOST_BYTES} bytes")));
            }
            body.extend_from_slice(&part);
        }
        Ok(body)
    }
}

/// The newest day of a history.
fn newest(body: &[u8]) -> Result<Testimony, YieldFault> {
    let garbled = |what: &str| YieldFault::Unreadable(what.to_owned());
    let history: History = serde_json::from_slice(body).map_err(|_| garbled("the answer is no history of a pool"))?;
    if history.status != "success" {
        return Err(garbled("the answer is no success"));
    }
    let time = |day: &Day| DateTime::parse_from_rfc3339(&day.timestamp).ok().map(|at| at.timestamp_millis());
    // The last one is the newest; its order is not relied on.
    let dated = history.data.iter().filter_map(|day| Some((u64::try_from(time(day)?).ok()?, day)));
    let (at, day) = dated.max_by_key(|(at, _)| *at).ok_or_else(|| garbled("the history has no day"))?;
    let percent = day.base.or(day.apy).ok_or_else(|| garbled("the newest day has no yield"))?;
    let apy = Apy::from_percent(percent).ok_or_else(|| YieldFault::Implausible(format!("{percent} %")))?;
    Ok(Testimony { apy, at: Timestamp::from_millis(at) })
}

#[async_trait]
impl YieldWitness for DefiLlama {
    fn name(&self) -> &'static str {
        "defi_llama"
    }

    async fn ask(&self) -> Result<Testimony, YieldFault> {
        newest(&self.history().await?)
    }
}
