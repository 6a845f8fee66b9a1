//! What Pyth's server may say of a feed.
#![no_main]

use alloy_primitives::B256;
use ballast::sources::hermes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match hermes::understood(text, B256::repeat_byte(0xaa)) {
        Ok(Some(estimate)) => assert!(estimate.price.wad() > 0),
        Ok(None) => {}
        // Its words are ours: a server that repeats our key brings it into no log.
        Err(fault) => assert!(!fault.to_string().contains("SECRET")),
    }
});
