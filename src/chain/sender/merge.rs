//! What several endpoints make of one broadcast: a pure rule. One that has the transaction is enough; only all of them together
//! can say that it was not sent.

use crate::ports::Broadcast;

/// Whether an answer decides without the others.
#[must_use]
pub(super) const fn decides(answer: &Broadcast) -> bool {
    matches!(answer, Broadcast::Accepted | Broadcast::AlreadyKnown)
}

/// What all answers mean together.
#[must_use]
pub(super) fn merge(answers: &[Broadcast]) -> Broadcast {
    let first = |wanted: fn(&Broadcast) -> bool| answers.iter().find(|answer| wanted(answer)).cloned();
    // In this order. Whoever may have it outweighs whoever says that the nonce is spent: what a node means by that depends on how
    // far it has read, and the receipts tell the same more surely.
    first(|answer| matches!(answer, Broadcast::Accepted))
        .or_else(|| first(|answer| matches!(answer, Broadcast::AlreadyKnown)))
        .or_else(|| first(|answer| matches!(answer, Broadcast::MaybeSent(_))))
        .or_else(|| first(|answer| matches!(answer, Broadcast::NonceSpent)))
        .or_else(|| first(|answer| matches!(answer, Broadcast::Underpriced)))
        .or_else(|| first(|answer| matches!(answer, Broadcast::Refused(_))))
        .unwrap_or_else(|| Broadcast::MaybeSent("no endpoint was asked".to_owned()))
}

/// Whether one endpoint has it and another will never take it.
#[must_use]
pub(super) fn contradict(answers: &[Broadcast]) -> bool {
    answers.iter().any(decides) && answers.iter().any(|answer| matches!(answer, Broadcast::Refused(_)))
}

/// A finite, stable word for metrics.
#[must_use]
pub(super) const fn label(answer: &Broadcast) -> &'static str {
    match answer {
        Broadcast::Accepted => "accepted",
        Broadcast::AlreadyKnown => "already_known",
        Broadcast::NonceSpent => "nonce_spent",
        Broadcast::Underpriced => "underpriced",
        Broadcast::Refused(_) => "refused",
        Broadcast::MaybeSent(_) => "maybe_sent",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn maybe() -> Broadcast {
        Broadcast::MaybeSent("no answer within 10s".to_owned())
    }

    fn refused() -> Broadcast {
        Broadcast::Refused("insufficient funds".to_owned())
    }

    #[test]
    fn every_pair_of_answers_means_what_it_means() {
        use Broadcast::{Accepted, AlreadyKnown, NonceSpent, Underpriced};
        // The rows and columns are in the order of `all`; each cell is the row of the answer that counts.
        let all = [Accepted, AlreadyKnown, maybe(), NonceSpent, Underpriced, refused()];
        let table = [
            [0, 0, 0, 0, 0, 0],
            [0, 1, 1, 1, 1, 1],
            [0, 1, 2, 2, 2, 2],
            [0, 1, 2, 3, 3, 3],
            [0, 1, 2, 3, 4, 4],
            [0, 1, 2, 3, 4, 5],
        ];
        for (one, row) in all.iter().zip(table) {
            for (other, counts) in all.iter().zip(row) {
                assert_eq!(merge(&[one.clone(), other.clone()]), all[counts], "{one:?} and {other:?}");
            }
        }
        assert!(matches!(merge(&[]), Broadcast::MaybeSent(_)), "nobody was asked: nothing is known");
    }

    #[test]
    fn only_an_endpoint_that_has_it_contradicts_one_that_refuses() {
        assert!(contradict(&[refused(), Broadcast::Accepted]) && contradict(&[Broadcast::AlreadyKnown, maybe(), refused()]));
        assert!(!contradict(&[refused(), maybe(), Broadcast::NonceSpent]));
        assert!(!contradict(&[Broadcast::Accepted, Broadcast::NonceSpent, Broadcast::Underpriced]), "these merely lag");
    }

    fn answer() -> impl Strategy<Value = Broadcast> {
        prop_oneof![
            Just(Broadcast::Accepted),
            Just(Broadcast::AlreadyKnown),
            Just(Broadcast::NonceSpent),
            Just(Broadcast::Underpriced),
            Just(refused()),
            Just(maybe()),
        ]
    }

    proptest! {
        #[test]
        fn it_is_refused_only_when_everybody_refuses(answers in prop::collection::vec(answer(), 1..6)) {
            let refuses = |answer: &Broadcast| matches!(answer, Broadcast::Refused(_));
            prop_assert_eq!(refuses(&merge(&answers)), answers.iter().all(refuses));
        }

        #[test]
        fn the_order_of_the_answers_does_not_matter(answers in prop::collection::vec(answer(), 1..6)) {
            let mut turned = answers.clone();
            turned.reverse();
            prop_assert_eq!(merge(&answers), merge(&turned));
        }
    }
}
