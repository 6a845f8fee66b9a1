//! A directory of settings: the main file, and after a NUL a pool's, and after another an environment variable's name and value.
#![no_main]

use std::fs;

use ballast::config::{self, Environment};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut parts = text.split('\0');
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("pools")).unwrap();
    fs::write(folder.path().join("ballast.toml"), parts.next().unwrap_or_default()).unwrap();
    fs::write(folder.path().join("pools/one.toml"), parts.next().unwrap_or_default()).unwrap();
    let variable = parts.next().map(|name| (format!("BALLAST__{name}"), parts.next().unwrap_or_default()));
    let environment: Environment = variable.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    if let Err(faults) = config::load(folder.path(), &environment) {
        assert!(!faults.0.is_empty() && !faults.to_string().is_empty(), "a refusal says why");
    }
});
