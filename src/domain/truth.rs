//! When "nobody has seen it" may be believed. That something is on the chain is proven by one honest node and a canonical block;
//! that something is *not* there is proven by nothing but several nodes that say so for several blocks.
//!
//! The one question that needs it: our nonce is spent and none of our transactions has a receipt. Did something else spend it, or
//! does a node hide a receipt? Whoever answers too early sends twice.

/// One look at the network that found none of our transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// How many endpoints said so. One that gave an error is none.
    pub witnesses: u32,
    /// The height that all of them had seen.
    pub height: u64,
    /// The account's next nonce, the least that any of them named.
    pub next_nonce: u64,
}

/// What is needed to believe that a spent nonce was not spent by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbsenceRule {
    /// How many endpoints must say so in one look.
    pub witnesses: u32,
    /// At how many heights, each above the one before.
    pub heights: u32,
}

impl AbsenceRule {
    /// Two witnesses, or the only one that there is, over so many heights (at least one).
    #[must_use]
    pub const fn of(endpoints: u32, heights: u32) -> Self {
        let witnesses = match endpoints {
            0 | 1 => 1,
            _ => 2,
        };
        Self { witnesses, heights: if heights == 0 { 1 } else { heights } }
    }
}

/// The proof that none of an operation's transactions is in a block although its nonce is spent: an unbroken row of looks, each at
/// a new height, each by enough witnesses, each with the nonce spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absence {
    rule: AbsenceRule,
    nonce: u64,
    row: u32,
    newest: Option<u64>,
}

impl Absence {
    /// Nothing is proven for the operation with this nonce.
    #[must_use]
    pub const fn new(rule: AbsenceRule, nonce: u64) -> Self {
        Self { rule, nonce, row: 0, newest: None }
    }

    /// Takes a look into account and says whether the absence is proven by now.
    ///
    /// A look at the height of the last one says nothing new. One with too few witnesses, or in which the nonce is free for any of
    /// them, breaks the row. So does one at a lower height, with which a new row begins: the chain was reorganised, or a witness
    /// that is behind has taken another's place.
    pub fn look(&mut self, look: Look) -> bool {
        if look.witnesses < self.rule.witnesses || look.next_nonce <= self.nonce {
            self.broken();
            return false;
        }
        match self.newest {
            Some(newest) if look.height == newest => {}
            Some(newest) if look.height < newest => self.row = 1,
            _ => self.row = self.row.saturating_add(1),
        }
        self.newest = Some(look.height);
        self.proven()
    }

    /// Takes note of a look that failed, or that found one of them: whatever was proven before does not count any more.
    pub const fn broken(&mut self) {
        self.row = 0;
        self.newest = None;
    }

    /// Whether the absence is proven.
    #[must_use]
    pub const fn proven(&self) -> bool {
        self.row >= self.rule.heights
    }

    /// At how many heights in a row it was absent.
    #[must_use]
    pub const fn heights(&self) -> u32 {
        self.row
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OURS: u64 = 7;

    fn look(witnesses: u32, height: u64, next_nonce: u64) -> Look {
        Look { witnesses, height, next_nonce }
    }

    fn absence(endpoints: u32, heights: u32) -> Absence {
        Absence::new(AbsenceRule::of(endpoints, heights), OURS)
    }

    #[test]
    fn two_witnesses_over_three_heights_prove_it() {
        let mut absence = absence(3, 3);
        assert!(!absence.look(look(2, 100, 8)));
        assert!(!absence.look(look(2, 101, 8)));
        assert!(absence.look(look(3, 104, 9)), "heights need not follow each other");
        assert!(absence.proven());
    }

    #[test]
    fn the_same_block_seen_ten_times_is_one_block() {
        let mut absence = absence(2, 2);
        for _ in 0..10 {
            assert!(!absence.look(look(2, 100, 8)));
        }
        assert!(absence.look(look(2, 101, 8)));
    }

    #[test]
    fn whoever_is_alone_proves_it_only_where_nobody_else_is_configured() {
        let (mut one, mut two) = (absence(1, 2), absence(2, 2));
        for height in 100..110 {
            assert!(!two.look(look(1, height, 8)));
            one.look(look(1, height, 8));
        }
        assert!(one.proven() && !two.proven());
    }

    #[test]
    fn anything_else_begins_anew() {
        let breaks = [
            ("an error, or a receipt", None),
            ("too few witnesses", Some(look(1, 102, 8))),
            ("the nonce is free", Some(look(2, 102, OURS))),
            ("a lower height", Some(look(2, 99, 8))),
        ];
        for (what, breaks) in breaks {
            let mut absence = absence(2, 3);
            absence.look(look(2, 100, 8));
            absence.look(look(2, 101, 8));
            match breaks {
                Some(look) => assert!(!absence.look(look), "{what}"),
                None => absence.broken(),
            }
            assert!(!absence.look(look(2, 103, 8)), "{what}");
            assert!(absence.heights() <= 2, "{what}");
        }
    }

    fn step() -> impl Strategy<Value = Option<Look>> {
        let looks = (0u32..4, 0u64..12, 6u64..10).prop_map(|(witnesses, height, next)| Some(look(witnesses, height, next)));
        prop_oneof![9 => looks, 1 => Just(None)]
    }

    proptest! {
        /// However it came about: it is proven only when the newest looks alone would prove it.
        #[test]
        fn what_is_proven_is_proven_by_the_newest_looks(
            endpoints in 0u32..4, heights in 0u32..4, steps in prop::collection::vec(step(), 0..40)
        ) {
            let rule = AbsenceRule::of(endpoints, heights);
            let mut absence = Absence::new(rule, OURS);
            for (at, step) in steps.iter().enumerate() {
                match step {
                    Some(look) => { absence.look(*look); }
                    None => absence.broken(),
                }
                // Backwards from the newest: rising heights, enough witnesses, the nonce spent, no break.
                let (mut distinct, mut above) = (0u32, None);
                for look in steps[..=at].iter().rev() {
                    let Some(look) = look else { break };
                    let good = look.witnesses >= rule.witnesses && look.next_nonce > OURS;
                    if !good || above.is_some_and(|above| look.height > above) { break }
                    if above != Some(look.height) { distinct += 1 }
                    above = Some(look.height);
                }
                prop_assert_eq!(absence.proven(), distinct >= rule.heights, "{:?}", &steps[..=at]);
            }
        }
    }
}
