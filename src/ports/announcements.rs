//! What the aggregators behind price feeds announce when they write a round. A hint beside the batch that is read in each block: it
//! says how sure a round is, and that there is one, and never what anything costs.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, I256};

use crate::domain::transmission::Transmission;

/// One announcement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Who.
    pub aggregator: Address,
    /// The height of the block that it is in, as the node says.
    pub block: u64,
    /// What the nodes behind the round saw, where it says so.
    pub transmission: Option<Transmission>,
}

/// Of each aggregator its last two transmissions: the block that is being judged may be the one before that of the newest.
///
/// One that a reorganisation takes back stays. It is of a quote only while the newest block has its round and its answer; a report
/// that is brought into another block is the same report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Announcements {
    newest: BTreeMap<Address, (Transmission, Option<Transmission>)>,
}

impl Announcements {
    /// Remembers a transmission.
    pub fn hear(&mut self, aggregator: Address, transmission: Transmission) {
        let before = self.newest.get(&aggregator).map(|(newest, _)| *newest);
        if before != Some(transmission) {
            self.newest.insert(aggregator, (transmission, before));
        }
    }

    /// Forgets all aggregators but these.
    pub fn keep(&mut self, aggregators: &BTreeSet<Address>) {
        self.newest.retain(|aggregator, _| aggregators.contains(aggregator));
    }

    /// The transmission of a round with this answer, if it was heard.
    #[must_use]
    pub fn of(&self, aggregator: Address, round: u64, answer: I256) -> Option<&Transmission> {
        let (newest, before) = self.newest.get(&aggregator)?;
        std::iter::once(newest).chain(before).find(|transmission| transmission.is_of(round, answer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_are_remembered_of_each_and_none_of_those_that_are_gone() {
        let at = |round: u32| Transmission::new(round, I256::ONE, &[I256::ONE]).unwrap();
        let (one, other) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let mut heard = Announcements::default();
        for round in [1, 2, 3, 3, 3] {
            heard.hear(one, at(round));
        }
        heard.hear(other, at(9));
        let known = |heard: &Announcements| {
            [(one, 1), (one, 2), (one, 3), (other, 9), (other, 3)].map(|(who, round)| heard.of(who, round, I256::ONE).is_some())
        };
        assert_eq!(known(&heard), [false, true, true, true, false]);
        assert_eq!(heard.of(one, 3, I256::MINUS_ONE), None);
        heard.keep(&BTreeSet::from([other]));
        assert_eq!(known(&heard), [false, false, false, true, false]);
    }
}
