//! Logs that a node may push.
#![no_main]

use alloy_primitives::Address;
use ballast::chain::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = fuzzing::log(text, Address::repeat_byte(0xa9));
    }
});
