//! Pegs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Decimal, Read, parse, read, unreadable, write};
use crate::domain::ids::{AssetId, SourceId};
use crate::domain::peg::{Clocks, Peg, PegState, Trust};
use crate::domain::units::{Price, Timestamp};
use crate::ports::JournalFault;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PegText {
    asset: String,
    state: PegStateText,
    since: u64,
    trust: TrustText,
    level: Option<Decimal>,
    episode: u64,
    as_of: u64,
    blocks: BTreeMap<String, String>,
}

/// The words are matched, not listed: a state that is new in the domain does not compile until it has one.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PegStateText {
    Sound,
    Watch,
    Stressed,
    Depegged,
    Recovering,
    Disabled,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TrustText {
    Trusted,
    Disputed,
    Blind,
}

pub(in crate::journal::sql) fn write_peg(peg: &Peg) -> Result<String, JournalFault> {
    // What only the newest verdict says, and the clocks, are found anew: nobody watched while the process was away.
    let Peg {
        asset,
        state,
        since,
        trust,
        level,
        cautious: _,
        doubt: _,
        shadow: _,
        episode,
        as_of,
        blocks,
        clocks: _,
        gathering: _,
    } = peg;
    write(&PegText {
        asset: asset.to_string(),
        state: match state {
            PegState::Sound => PegStateText::Sound,
            PegState::Watch => PegStateText::Watch,
            PegState::Stressed => PegStateText::Stressed,
            PegState::Depegged => PegStateText::Depegged,
            PegState::Recovering => PegStateText::Recovering,
            PegState::Disabled => PegStateText::Disabled,
        },
        since: since.millis(),
        trust: match trust {
            Trust::Trusted => TrustText::Trusted,
            Trust::Disputed => TrustText::Disputed,
            Trust::Blind => TrustText::Blind,
        },
        level: level.map(|level| Decimal(level.wad())),
        episode: *episode,
        as_of: as_of.millis(),
        blocks: blocks.iter().map(|(source, block)| (source.to_string(), block.to_string())).collect(),
    })
}

pub(in crate::journal::sql) fn read_peg(text: &str) -> Read<Peg> {
    let PegText { asset, state, since, trust, level, episode, as_of, blocks } = read("a peg", text)?;
    let level = level.map(|level| Price::from_wad(level.0).ok_or_else(|| unreadable("a peg's price", "it is zero")));
    let block = |(source, block): (String, String)| Ok((SourceId::new(&source), parse("a peg's block", &block)?));
    Ok(Peg {
        asset: AssetId::new(&asset),
        state: match state {
            PegStateText::Sound => PegState::Sound,
            PegStateText::Watch => PegState::Watch,
            PegStateText::Stressed => PegState::Stressed,
            PegStateText::Depegged => PegState::Depegged,
            PegStateText::Recovering => PegState::Recovering,
            PegStateText::Disabled => PegState::Disabled,
        },
        since: Timestamp::from_millis(since),
        trust: match trust {
            TrustText::Trusted => Trust::Trusted,
            TrustText::Disputed => Trust::Disputed,
            TrustText::Blind => Trust::Blind,
        },
        level: level.transpose()?,
        cautious: None,
        doubt: None,
        shadow: None,
        gathering: false,
        episode,
        as_of: Timestamp::from_millis(as_of),
        blocks: blocks.into_iter().map(block).collect::<Read<_>>()?,
        clocks: Clocks::default(),
    })
}
