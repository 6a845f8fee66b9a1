//! Takes a node's address out of foreign words.

use reqwest::Url;

/// The most that is shown of foreign words.
const MOST_CHARS: usize = 300;
/// A shorter part of a path, such as `v3`, is no secret.
const SHORTEST_SECRET: usize = 8;

/// Knows the parts of one address that nobody may read.
#[derive(Clone)]
pub(super) struct Scrubber {
    host: String,
    /// The host and the port, where the address names one: two nodes on one machine differ by it.
    place: String,
    /// Longest first, so that no part of a longer one survives.
    secrets: Vec<String>,
}

impl Scrubber {
    /// Everything but the host and short parts of the path is secret.
    pub(super) fn of(url: &Url) -> Self {
        let host = url.host_str().unwrap_or("the node").to_owned();
        let mut secrets = vec![url.as_str().to_owned(), url.as_str().trim_end_matches('/').to_owned()];
        secrets.extend(url.path_segments().into_iter().flatten().filter(|part| part.len() >= SHORTEST_SECRET).map(str::to_owned));
        secrets.extend(url.query().map(str::to_owned));
        secrets.extend(url.query_pairs().map(|(_, value)| value.into_owned()).filter(|value| value.len() >= SHORTEST_SECRET));
        secrets.extend(url.password().map(str::to_owned));
        secrets.push(url.username().to_owned());
        let place = url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
        Self { host, place, secrets }.in_order()
    }

    /// And this as well.
    pub(super) fn and(mut self, secret: Option<&str>) -> Self {
        self.secrets.extend(secret.map(str::to_owned));
        self.in_order()
    }

    fn in_order(mut self) -> Self {
        let Self { host, secrets, .. } = &mut self;
        secrets.retain(|secret| !secret.is_empty() && secret != host);
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        self
    }

    /// The host, the only part that may be shown.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// The host, with the port where the address names one.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// Foreign words without secrets, control characters and endless pages.
    pub(super) fn clean(&self, text: &str) -> String {
        // First, because a secret that is broken up by one would not be found.
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        let clean = self.secrets.iter().fold(text, |text, secret| text.replace(secret.as_str(), "***"));
        clean.chars().take(MOST_CHARS).collect()
    }

    /// The same, after the host.
    pub(super) fn at_host(&self, text: &str) -> String {
        format!("{}: {}", self.host, self.clean(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_out_of_foreign_words() {
        let url = Url::parse("https://eth.example.org/v3/0123456789abcdef").unwrap();
        let scrubber = Scrubber::of(&url);
        assert_eq!(scrubber.clean("project id 0123456789abcdef over its limit"), "project id *** over its limit");
        assert_eq!(scrubber.clean("POST https://eth.example.org/v3/0123456789abcdef"), "POST ***");
        assert_eq!(scrubber.clean("project id 01234567\n89abcdef"), "project id ***");
        assert_eq!(scrubber.at_host("gone"), "eth.example.org: gone");
        assert_eq!(scrubber.clean(&"x\n".repeat(1_000)).len(), MOST_CHARS);
    }
}
