//! When it is proven that something did not happen. One honest endpoint proves that a transaction is in a block; that it is in none
//! takes several of them, for several blocks, and an error is no answer.

/// How long it has been said that a nonce is spent and none of our transactions has a receipt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Absence {
    since: Option<u64>,
    until: u64,
}

impl Absence {
    /// Takes one round of answers: so many of `endpoints` say, all at `height` or above, that there is no receipt, and that the
    /// account's next nonce is `next_nonce`, where ours is `nonce`. A round that says less than that begins the count again.
    pub fn hear(&mut self, witnesses: u32, endpoints: u32, height: u64, next_nonce: u64, nonce: u64) {
        if witnesses < endpoints.clamp(1, 2) || next_nonce <= nonce {
            *self = Self::default();
            return;
        }
        let since = *self.since.get_or_insert(height);
        if height < since {
            // Endpoints that fell back prove nothing of the blocks they have lost.
            *self = Self { since: Some(height), until: height };
            return;
        }
        self.until = height;
    }

    /// Whether it has been said for more than so many blocks.
    #[must_use]
    pub const fn is_proven(&self, blocks: u64) -> bool {
        match self.since {
            Some(since) => self.until.saturating_sub(since) >= blocks,
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_witnesses_over_enough_blocks_prove_an_absence() {
        let mut absence = Absence::default();
        for height in 100..110 {
            absence.hear(2, 3, height, 8, 7);
            assert!(!absence.is_proven(10), "at {height}");
        }
        absence.hear(2, 3, 110, 8, 7);
        assert!(absence.is_proven(10));
    }

    #[test]
    fn one_witness_too_few_a_free_nonce_or_a_fall_back_begins_again() {
        for (witnesses, height, next_nonce) in [(1, 109, 8), (2, 109, 7), (2, 50, 8)] {
            let mut absence = Absence::default();
            for height in 100..109 {
                absence.hear(2, 2, height, 8, 7);
            }
            absence.hear(witnesses, 2, height, next_nonce, 7);
            absence.hear(2, 2, 110.min(height + 1), 8, 7);
            assert!(!absence.is_proven(5), "{witnesses} {height} {next_nonce}");
        }
    }

    #[test]
    fn a_chain_with_one_endpoint_has_to_take_its_word() {
        let mut absence = Absence::default();
        absence.hear(1, 1, 100, 8, 7);
        absence.hear(1, 1, 110, 8, 7);
        assert!(absence.is_proven(10));
        let mut silent = Absence::default();
        silent.hear(0, 1, 100, 8, 7);
        silent.hear(0, 1, 110, 8, 7);
        assert!(!silent.is_proven(10), "nobody said anything");
    }
}
