//! What a relay tells of a transaction on its page. It may say `PENDING` for ever, so nothing depends on it.
//! <https://docs.flashbots.net/flashbots-protect/additional-documentation/status-api>

use std::time::Duration;

use alloy_primitives::B256;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::ports::LinkFault;

/// What the relay says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RelayStatus {
    /// It holds it.
    Pending,
    /// It is in a block.
    Included,
    /// It will not be included.
    Failed,
    /// It was taken back.
    Cancelled,
    /// It knows nothing of it, or says something that we do not know.
    Unknown,
}

impl RelayStatus {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Included, Self::Failed, Self::Cancelled, Self::Unknown];

    /// A finite, stable word for reports and metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Included => "included",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
        }
    }

    /// From the page's word, which is a label in capitals.
    fn of(word: &str) -> Self {
        Self::ALL.into_iter().find(|status| status.label().eq_ignore_ascii_case(word)).unwrap_or(Self::Unknown)
    }
}

/// The page of one relay.
#[derive(Clone)]
pub(super) struct StatusPage {
    client: reqwest::Client,
    url: Url,
    limit: Duration,
}

#[derive(Debug, Deserialize)]
struct Told {
    status: String,
}

impl StatusPage {
    pub(super) fn new(url: &SecretString, limit: Duration) -> Result<Self, LinkFault> {
        let no_url = |_| LinkFault::Unreachable("the configured address of the relay's status is no URL".to_owned());
        let url = Url::parse(url.expose_secret()).map_err(no_url)?;
        let client = reqwest::Client::builder().timeout(limit).connect_timeout(limit).build();
        let client = client.map_err(|error| LinkFault::Unreachable(error.without_url().to_string()))?;
        Ok(Self { client, url, limit })
    }

    pub(super) async fn ask(&self, hash: B256) -> Result<RelayStatus, LinkFault> {
        let mut page = self.url.clone();
        page.path_segments_mut()
            .map_err(|()| LinkFault::Unreachable("the configured address of the relay's status has no path".to_owned()))?
            .pop_if_empty()
            .push(&hash.to_string());
        let answer = self.client.get(page).send().await.and_then(reqwest::Response::error_for_status);
        let told: Told = match answer {
            Ok(answer) => answer.json().await.map_err(|error| self.fault(error))?,
            Err(error) => return Err(self.fault(error)),
        };
        Ok(RelayStatus::of(&told.status))
    }

    fn fault(&self, error: reqwest::Error) -> LinkFault {
        if error.is_timeout() {
            return LinkFault::TimedOut(self.limit);
        }
        let refused = error.is_status() || error.is_decode();
        let words = format!("{}: {}", self.url.host_str().unwrap_or("the relay"), error.without_url());
        if refused { LinkFault::Refused(words) } else { LinkFault::Unreachable(words) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_we_do_not_know_is_unknown() {
        let known = ["PENDING", "INCLUDED", "FAILED", "CANCELLED", "UNKNOWN", "SIMULATED"].map(RelayStatus::of);
        let [pending, included, failed, cancelled, unknown] = RelayStatus::ALL;
        assert_eq!(known, [pending, included, failed, cancelled, unknown, unknown]);
    }
}
