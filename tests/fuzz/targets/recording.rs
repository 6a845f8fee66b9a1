//! A recording of prices, plain and compressed.
#![no_main]

use std::fs;
use std::path::Path;

use ballast::recording;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = recording::parse(data, Path::new("night.jsonl"));
    if data.starts_with(&[0x1f, 0x8b]) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("night.jsonl.gz");
        fs::write(&file, data).unwrap();
        let _ = recording::read(&file);
    }
});
