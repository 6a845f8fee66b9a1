//! Every raw reading in a file, and out of it again: what was decided in the night is decided once more in the morning, by the same
//! code. [`mod@write`] and [`mod@read`] are the two ends.
//!
//! One JSON object a line. A line with `id` introduces a source and gives it the number `s`; every other line is a reading of the source
//! with the number `r`: when it was taken (`t`, milliseconds since the epoch), its price, its lowest and highest (`p`, `l` and `h`;
//! decimal texts, exact; `l` and `h` are left out where they are the price), when the source wrote it (`u`), or why there is none (`f`, a
//! finite word, and `w`, in words), and the block (`b`) of a source on a chain. A file whose name ends in `.gz` is compressed.

mod read;
#[cfg(test)]
mod tests;
mod write;

use serde::{Deserialize, Serialize};

pub use read::{ReadFault, parse, read};
pub use write::{Recording, RecordingFault};

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    /// The version of this form.
    ballast_recording: u32,
}

/// The version that is written, and the only one that is read.
const VERSION: u32 = 1;

/// A source, or a reading of one.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Line {
    Source(SourceLine),
    Reading(ReadingLine),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceLine {
    s: usize,
    id: String,
    asset: String,
    /// An asset; dollars if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    group: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    advisory: bool,
    good_for_ms: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadingLine {
    r: usize,
    t: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    p: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    l: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    h: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    u: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    f: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    w: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    b: Option<String>,
}
