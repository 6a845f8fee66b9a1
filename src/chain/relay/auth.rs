//! The identity at a relay: a key of its own that signs every request and holds no money. It is kept in a file, because a
//! transaction can be taken back only by the identity that handed it over, and the process may have been restarted in between.
//!
//! The file holds 64 hexadecimal digits. A new one is written beside its place and linked into it, so that there is never half a key
//! and never an overwritten one.

use std::fmt;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::{Address, hex};
use secrecy::zeroize::Zeroizing;
use thiserror::Error;

/// Bits of a file's mode that let everybody in.
#[cfg(unix)]
const EVERYBODY: u32 = 0o007;

/// Why there is no identity.
#[derive(Debug, Error)]
pub enum RelayAuthFault {
    /// The file cannot be read.
    #[error("{}: {fault}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        fault: io::Error,
    },
    /// Everybody on the machine may read or write it.
    #[error("{} is open to everybody (mode {mode:03o}); expected 600: chmod 600 it, or remove it for a new identity", path.display())]
    OpenToEverybody {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It holds something else.
    #[error("{} holds no key of 64 hexadecimal digits; remove it for a new identity", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// A new key could not be written.
    #[error("{} cannot be written: {fault}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        fault: io::Error,
    },
}

/// An identity. It shows its address and nothing else, and its key overwrites itself when it is dropped.
#[derive(Clone)]
pub struct RelayAuth(PrivateKeySigner);

impl fmt::Debug for RelayAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RelayAuth").field(&self.identity()).finish()
    }
}

impl RelayAuth {
    /// The identity that the file holds; a new one, if there is no such file. Its folder must exist. Blocks.
    ///
    /// # Errors
    /// See [`RelayAuthFault`].
    pub fn from_file_or_create(path: &Path) -> Result<Self, RelayAuthFault> {
        match Self::from_file(path) {
            Err(RelayAuthFault::Unreadable { fault, .. }) if fault.kind() == ErrorKind::NotFound => {}
            read => return read,
        }
        match create(path) {
            Ok(auth) => Ok(auth),
            // Somebody else was faster; theirs is the identity.
            Err(fault) if fault.kind() == ErrorKind::AlreadyExists => Self::from_file(path),
            Err(fault) => Err(RelayAuthFault::Unwritable { path: path.to_owned(), fault }),
        }
    }

    fn from_file(path: &Path) -> Result<Self, RelayAuthFault> {
        let unreadable = |fault| RelayAuthFault::Unreadable { path: path.to_owned(), fault };
        guarded(path)?;
        let text = Zeroizing::new(fs::read(path).map_err(unreadable)?);
        let no_key = || RelayAuthFault::NoKey { path: path.to_owned() };
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim_ascii(), bytes.as_mut_slice()).map_err(|_| no_key())?;
        PrivateKeySigner::from_slice(bytes.as_slice()).map(Self).map_err(|_| no_key())
    }

    /// The address by which the relay knows us.
    #[must_use]
    pub const fn identity(&self) -> Address {
        self.0.address()
    }

    pub(super) fn key(&self) -> PrivateKeySigner {
        self.0.clone()
    }
}

/// Refuses a file that everybody may read. The group is left alone: Kubernetes mounts secrets readable for it.
#[cfg(unix)]
fn guarded(path: &Path) -> Result<(), RelayAuthFault> {
    use std::os::unix::fs::PermissionsExt;
    let found = fs::metadata(path).map_err(|fault| RelayAuthFault::Unreadable { path: path.to_owned(), fault })?;
    let mode = found.permissions().mode() & 0o777;
    if mode & EVERYBODY == 0 { Ok(()) } else { Err(RelayAuthFault::OpenToEverybody { path: path.to_owned(), mode }) }
}

/// Who may read a file is told by other means here.
#[cfg(not(unix))]
fn guarded(_path: &Path) -> Result<(), RelayAuthFault> {
    Ok(())
}

/// Writes a new key. The temporary file is made with mode 600, and linking fails when the place is taken.
fn create(path: &Path) -> io::Result<RelayAuth> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let key = PrivateKeySigner::random();
    let bytes = Zeroizing::new(key.to_bytes().0);
    let text = Zeroizing::new(hex::encode(bytes.as_slice()));
    let mut file = tempfile::Builder::new().prefix(".relay-").tempfile_in(folder)?;
    writeln!(file, "{}", text.as_str())?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|fault| fault.error)?;
    // The name survives a power cut only when the folder is written as well.
    #[cfg(unix)]
    fs::File::open(folder)?.sync_all()?;
    Ok(RelayAuth(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identity_survives_and_another_file_is_another_identity() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (dir.path().join("relay.key"), dir.path().join("other.key"));
        let first = RelayAuth::from_file_or_create(&one).unwrap();
        let text = fs::read_to_string(&one).unwrap();
        assert_eq!(RelayAuth::from_file_or_create(&one).unwrap().identity(), first.identity());
        assert_eq!(fs::read_to_string(&one).unwrap(), text, "nothing is overwritten");
        assert_ne!(RelayAuth::from_file_or_create(&other).unwrap().identity(), first.identity());
        let shown = format!("{first:?}");
        assert!(!shown.contains(text.trim()) && shown.contains("RelayAuth(0x"), "{shown}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "no temporary file is left");
    }

    #[test]
    fn many_that_start_at_once_have_one_identity() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("relay.key");
        let start = || RelayAuth::from_file_or_create(&path).unwrap().identity();
        let all: Vec<Address> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(all.iter().all(|identity| *identity == all[0]), "{all:?}");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_is_made_for_its_owner_only_and_one_that_is_open_to_everybody_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("relay.key");
        let first = RelayAuth::from_file_or_create(&path).unwrap().identity();
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(), 0o600);
        for open in [0o604, 0o602, 0o644] {
            fs::set_permissions(&path, fs::Permissions::from_mode(open)).unwrap();
            let fault = RelayAuth::from_file_or_create(&path).unwrap_err();
            assert!(matches!(fault, RelayAuthFault::OpenToEverybody { mode, .. } if mode == open), "{fault}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(RelayAuth::from_file_or_create(&path).unwrap().identity(), first, "as a mounted secret is");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_holds_no_key_is_left_alone_and_never_quoted() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("relay.key");
        for text in ["", "hunter22", &"0".repeat(64)] {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            let fault = RelayAuth::from_file_or_create(&path).unwrap_err();
            assert!(matches!(fault, RelayAuthFault::NoKey { .. }) && !fault.to_string().contains("hunter22"), "{fault}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        let nowhere = dir.path().join("missing").join("relay.key");
        assert!(matches!(RelayAuth::from_file_or_create(&nowhere), Err(RelayAuthFault::Unwritable { .. })));
    }
}
