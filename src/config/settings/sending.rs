//! By which way transactions go.

use std::path::PathBuf;

use secrecy::SecretString;

use crate::domain::route::RelayKind;

/// A private relay.
#[derive(Clone, Debug)]
pub struct RelaySettings {
    /// How it is spoken to.
    pub kind: RelayKind,
    /// Where it takes transactions. Secret, because relays put access tokens into addresses too.
    pub url: SecretString,
    /// The key that Ballast shows itself to the relay with. It owns nothing, but only who has it can take a transaction back: the
    /// file is created at the first start, and kept.
    pub auth_key_file: PathBuf,
    /// Where the relay tells how a transaction fares: the hash follows. It is not asked if absent.
    pub status_url: Option<SecretString>,
}
