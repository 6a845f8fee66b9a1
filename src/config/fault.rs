//! What is wrong with a configuration, told so that its reader can put it right without opening the source.

use std::fmt;

/// The exit code of a process that refuses its configuration (`EX_CONFIG` of sysexits.h).
pub const EXIT_CODE: u8 = 78;

/// What stands in a report instead of a value that is, or may be, secret.
const HIDDEN: &str = "a value that is not shown";

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where the value was written: a file with its line, a file, or an environment variable.
    pub place: String,
    /// Path of the key inside that place, dotted: `keeper.password_file`, `tokens[0].target`. Empty for a whole file.
    pub key: String,
    /// The value as written; never a secret.
    pub found: String,
    /// What would be accepted.
    pub expected: String,
    /// What to do about it.
    pub mend: String,
}

/// Everything that is wrong, in reading order. Not empty when [`load`](crate::config::load()) returns it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    /// A headline, then one numbered block for each fault.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.0.len() == 1 { "fault" } else { "faults" };
        writeln!(f, "{} {plural} in the configuration", self.0.len())?;
        for (number, fault) in (1u32..).zip(&self.0) {
            writeln!(f, "\n{number}. {}", fault.place)?;
            if !fault.key.is_empty() {
                writeln!(f, "   key       {}", fault.key)?;
            }
            writeln!(f, "   found     {}", fault.found)?;
            writeln!(f, "   expected  {}", fault.expected)?;
            writeln!(f, "   mend      {}", fault.mend)?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

/// The form of a value that a fault may show: shortened, and hidden when its key or its look says that it may be secret.
pub(super) fn shown(key: &str, text: &str) -> String {
    if names_a_secret(key) || looks_secret(text) {
        return hidden();
    }
    let short: String = text.chars().take(60).map(|c| if c.is_control() { ' ' } else { c }).collect();
    match (text.is_empty(), text.chars().nth(60)) {
        (true, _) => "an empty value".into(),
        (false, Some(_)) => format!("{short}…"),
        (false, None) => short,
    }
}

/// The stand-in for a secret.
pub(super) fn hidden() -> String {
    HIDDEN.into()
}

/// Whether a key is named like key material or like something that commonly holds an access token.
pub(super) fn names_a_secret(key: &str) -> bool {
    let last = key.rsplit('.').next().unwrap_or(key).to_lowercase();
    let words = ["private", "secret", "mnemonic", "seed", "passphrase", "webhook", "api_key", "apikey"];
    let endings = ["key", "password", "url", "_token", "rpc", "journal", "web3signer"];
    words.iter().any(|word| last.contains(word)) || endings.iter().any(|ending| last.ends_with(ending))
}

/// Whether a text may be a private key, a seed phrase or an address that carries an access token.
pub(super) fn looks_secret(text: &str) -> bool {
    let mut run = 0u32;
    let hex = text.chars().any(|c| {
        run = if c.is_ascii_hexdigit() { run.saturating_add(1) } else { 0 };
        run >= 64
    });
    hex || text.contains("://") || text.split_whitespace().count() >= 12
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_material_is_never_shown() {
        let key = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
        let phrase = "test test test test test test test test test test test junk";
        for (name, text) in [
            ("address", key),
            ("address", key.trim_start_matches("0x")),
            ("note", phrase),
            ("filter", "https://node.example/v2/abcdef"),
            ("keeper.private_key", "anything"),
            ("ws_url", "ftp.example"),
            ("chains.mainnet.rpc", "ftp.example"),
            ("journal", "user:password@host"),
        ] {
            assert_eq!(shown(name, text), HIDDEN, "{name} = {text}");
        }
        assert_eq!(shown("on.mainnet.token", "0xA0b86991"), "0xA0b86991", "the address of a token is public");
        assert_eq!(shown("spacing", "30"), "30");
        assert_eq!(shown("spacing", ""), "an empty value");
        assert_eq!(shown("spacing", &"x".repeat(61)).chars().count(), 61);
    }
}
