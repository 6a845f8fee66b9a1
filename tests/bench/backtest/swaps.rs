//! What comes out of a weighted pool for a known amount in, beside the library that Balancer keeps for it.

use std::hint::black_box;

use alloy_primitives::U256;
use balancer_maths_rust::pools::weighted::weighted_math::compute_out_given_exact_in;
use ballast::simulation::weighted::{Side, out_given_in};

use super::timed;

/// Swaps from a thousandth of a per cent to a fifth of a pool, between all weights of 40/35/25.
const CASES: u128 = 4_096;
const REPEATS: usize = 20;
const WAD: u128 = 1_000_000_000_000_000_000;

fn cases() -> Vec<(Side, Side, U256)> {
    let whole = |tokens: u128| U256::from(tokens) * U256::from(WAD);
    let weights = [400, 350, 250].map(|thousandths: u128| U256::from(thousandths * WAD / 1_000));
    let one = |n: u128| {
        let place = |at: u128| usize::try_from(at % 3).unwrap();
        let size = [10, 500, 5_000, 40_000][usize::try_from(n / 7 % 4).unwrap()];
        let from = Side { balance: whole(200_000 + n * 13), weight: weights[place(n)] };
        let to = Side { balance: whole(175_000 + n * 7), weight: weights[place(n + 1 + n / 3 % 2)] };
        (from, to, whole(size) + U256::from(n * 1_234_567))
    };
    (0..CASES).map(one).collect()
}

/// Swaps a second, ours and theirs.
pub(crate) fn rates() -> (f64, f64) {
    let cases = cases();
    let ours = |(from, to, amount): &(Side, Side, U256)| out_given_in(*from, *to, *amount).unwrap();
    let theirs = |(from, to, amount): &(Side, Side, U256)| {
        compute_out_given_exact_in(&from.balance, &from.weight, &to.balance, &to.weight, amount).unwrap()
    };
    for case in &cases {
        assert_eq!(ours(case), theirs(case), "{case:?}");
    }
    let all = |swap: &dyn Fn(&(Side, Side, U256)) -> U256| {
        let once = || cases.iter().map(|case| swap(black_box(case))).fold(U256::ZERO, U256::max);
        let (took, _) = timed(|| (0..REPEATS).map(|_| black_box(once())).max());
        (cases.len() * REPEATS) as f64 / took.as_secs_f64()
    };
    (all(&ours), all(&theirs))
}
