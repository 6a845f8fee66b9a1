//! What nodes and relays may answer: headers, batches, refusals and revert data. The first byte chooses.
#![no_main]

use ballast::chain::fuzzing;
use ballast::ports::Broadcast;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((which, rest)) = data.split_first() else { return };
    match which % 4 {
        0 => {
            let _ = std::str::from_utf8(rest).map(fuzzing::head);
        }
        1 => {
            let Some((asked, bytes)) = rest.split_first() else { return };
            if let Ok(answers) = fuzzing::batch(bytes, usize::from(*asked)) {
                assert_eq!(answers.len(), usize::from(*asked));
            }
        }
        2 => {
            let (code, words) = rest.split_at(rest.len().min(8));
            let code = i64::from_be_bytes(code.try_into().unwrap_or_default());
            let [node, relay] = fuzzing::refusal(code, &String::from_utf8_lossy(words), rest);
            assert!(node != Broadcast::Accepted && relay != Broadcast::Accepted, "a refusal is no acceptance");
        }
        _ => {
            let reason = fuzzing::reason(rest);
            assert!(!reason.is_empty() && reason.len() < 2_000 && !reason.chars().any(char::is_control), "{reason:?}");
        }
    }
});
