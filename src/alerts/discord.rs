//! Discord, through a webhook. Whoever knows the webhook's address can post, so it appears in no error and in no log: faults are
//! told in our own words, never in the HTTP client's, which name the address.

mod embed;
#[cfg(test)]
mod tests;

use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, Response, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::ports::{Alert, AlertFault, AlertSink};

/// How long one delivery may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The pause when Discord asks for one without saying how long.
const PAUSE: Duration = Duration::from_secs(5);
/// The longest pause that is believed.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// One channel of Discord.
#[derive(Debug)]
pub struct DiscordSink {
    webhook: SecretString,
    client: Client,
    timeout: Duration,
}

/// What Discord says when it takes nothing.
#[derive(Default, Deserialize)]
struct Objection {
    /// Seconds until the next attempt.
    retry_after: Option<f64>,
    /// Discord's number for the error.
    code: Option<u64>,
}

impl DiscordSink {
    /// Posts to `webhook`.
    #[must_use]
    pub const fn new(webhook: SecretString, client: Client) -> Self {
        Self { webhook, client, timeout: TIMEOUT }
    }

    /// The webhook, asked to answer only when the message is stored: without that, a message that is refused looks delivered.
    fn address(&self) -> Result<Url, AlertFault> {
        let mut address = Url::parse(self.webhook.expose_secret())
            .map_err(|_| AlertFault::Refused("the webhook is not an address".to_owned()))?;
        address.query_pairs_mut().append_pair("wait", "true");
        Ok(address)
    }
}

#[async_trait]
impl AlertSink for DiscordSink {
    fn name(&self) -> &'static str {
        "discord"
    }

    async fn deliver(&self, alert: &Alert) -> Result<(), AlertFault> {
        let request = self.client.post(self.address()?).timeout(self.timeout).json(&embed::message(alert));
        match request.send().await {
            Ok(response) => judge(response).await,
            Err(fault) => Err(AlertFault::Unreachable(words(&fault).to_owned())),
        }
    }
}

async fn judge(response: Response) -> Result<(), AlertFault> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let header = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse::<f64>().ok());
    let objection: Objection = response.json().await.unwrap_or_default();
    match status {
        StatusCode::TOO_MANY_REQUESTS => Err(AlertFault::RateLimited(pause(header, objection.retry_after))),
        StatusCode::REQUEST_TIMEOUT => Err(AlertFault::Unreachable("Discord gave up waiting".to_owned())),
        status if status.is_server_error() => Err(AlertFault::Unreachable(format!("Discord answers {}", status.as_u16()))),
        status => Err(AlertFault::Refused(match objection.code {
            Some(code) => format!("Discord answers {} with code {code}", status.as_u16()),
            None => format!("Discord answers {}", status.as_u16()),
        })),
    }
}

/// The longer of the pauses that the header and the body ask for.
fn pause(header: Option<f64>, body: Option<f64>) -> Duration {
    let asked = [header, body].into_iter().flatten().filter_map(|secs| Duration::try_from_secs_f64(secs).ok()).max();
    asked.unwrap_or(PAUSE).min(LONGEST_PAUSE)
}

fn words(fault: &reqwest::Error) -> &'static str {
    if fault.is_timeout() {
        "Discord did not answer in time"
    } else if fault.is_connect() {
        "Discord cannot be reached"
    } else if fault.is_builder() {
        "the webhook is not an address that can be posted to"
    } else {
        "the connection to Discord broke"
    }
}
