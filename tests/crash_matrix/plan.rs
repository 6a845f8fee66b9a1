//! What happens to each run: where the process is killed, and what its endpoints get wrong. Pure; the same seed gives the same plans.

use std::time::Duration;

use ballast::crash::POINTS;

/// One run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Counts the runs, from 1.
    pub(crate) number: usize,
    /// Where the process dies: one point for each life but the last, which has none.
    pub(crate) kills: Vec<&'static str>,
    /// Whether the first point is reached for certain under these faults: a run that does not die there has failed.
    pub(crate) certain: bool,
    /// The faults.
    pub(crate) weather: Weather,
}

/// What the endpoints get wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weather {
    /// Which transactions are taken, answered to, and not passed on.
    pub(crate) swallow: Swallow,
    /// For how long after an inclusion the endpoints know of no receipt.
    pub(crate) receipts_late: Duration,
    /// How many blocks the second endpoint is behind.
    pub(crate) heads_behind: u64,
    /// Transactions are passed on, and the answers are lost.
    pub(crate) answers_lost: bool,
    /// What the second endpoint says to every transaction, which it does not pass on.
    pub(crate) words: Option<&'static str>,
    /// How many of a hundred requests are done wrong by chance, in one of many ways.
    pub(crate) chance: u8,
    /// What chance begins with.
    pub(crate) seed: u64,
    /// So many of the newest blocks are replaced as soon as the journal says that the operation is included.
    pub(crate) reorg: Option<u64>,
    /// From the first death on both endpoints show the chain as it was before, though they know the newest nonces.
    pub(crate) frozen: bool,
}

/// Which transactions do not reach the network although the endpoints say so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Swallow {
    /// None.
    #[default]
    Nothing,
    /// The first so many that come: something dearer has to take their place.
    First(u32),
    /// All, until the journal has a cancellation.
    Orders,
    /// All from the reorganisation on, until the journal has a cancellation: what was included once is taken back.
    Unwound,
}

/// Error texts after which nobody knows whether a transaction was taken.
const WORDS: [&str; 4] =
    ["internal error", "request timed out", "upstream is overloaded, try again", "transaction already imported"];

/// Without a kill and without a fault.
pub(crate) fn calm(runs: usize) -> Vec<Plan> {
    let plan = |number| Plan { number, kills: Vec::new(), certain: true, weather: Weather::default() };
    (1..=runs).map(plan).collect()
}

/// Each point once, under faults that make it reachable; then pairs of points under all kinds of faults, every pair once before one
/// comes again.
pub(crate) fn matrix(runs: usize, seed: u64) -> Vec<Plan> {
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut plans: Vec<Plan> = POINTS.into_iter().take(runs).map(|point| single(&[point], &mut dice)).collect();
    let all = pairs();
    while plans.len() < runs {
        let mut round = all.clone();
        dice.shuffle(&mut round);
        plans.extend(round.into_iter().take(runs - plans.len()).map(|pair| double(pair, &mut dice)));
    }
    numbered(plans)
}

/// The same points, again and again.
pub(crate) fn only(points: &[&'static str], runs: usize, seed: u64) -> Vec<Plan> {
    let mut dice = fastrand::Rng::with_seed(seed);
    let certain = points.len() == 1;
    numbered((0..runs).map(|_| Plan { certain, ..single(points, &mut dice) }).collect())
}

/// For a program that writes nothing down before it sends: it dies when the network has its transaction. Its successor finds a pool
/// that seems unchanged and a transaction that nobody seems to know, but a nonce that is spent; so it sends again, with the next one.
pub(crate) fn unguarded(runs: usize) -> Vec<Plan> {
    let weather = Weather { frozen: true, ..Weather::default() };
    numbered((0..runs).map(|_| Plan { number: 0, kills: vec!["sent"], certain: true, weather: weather.clone() }).collect())
}

fn numbered(mut plans: Vec<Plan>) -> Vec<Plan> {
    for (at, plan) in plans.iter_mut().enumerate() {
        plan.number = at + 1;
    }
    plans
}

fn single(points: &[&'static str], dice: &mut fastrand::Rng) -> Plan {
    let mut weather = needed(points);
    // Faults that keep nobody from reaching anything.
    weather.words = dice.bool().then(|| WORDS[dice.usize(..WORDS.len())]);
    weather.heads_behind = dice.u64(0..=1);
    // What doubles without write-ahead.
    weather.frozen = points == ["sent"];
    Plan { number: 0, kills: points.to_vec(), certain: true, weather }
}

fn double((first, second): (&'static str, &'static str), dice: &mut fastrand::Rng) -> Plan {
    let mut weather = needed(&[first, second]);
    if weather.swallow == Swallow::Nothing && dice.u8(..10) == 0 {
        weather.swallow = Swallow::First(1);
    }
    // An inclusion that is heard of late cannot be reorganised away any more.
    if weather.reorg.is_none() && dice.bool() {
        weather.receipts_late = Duration::from_millis(dice.u64(..=3_000));
    }
    weather.heads_behind = dice.u64(0..=3);
    weather.answers_lost = dice.u8(..4) == 0;
    weather.words = dice.bool().then(|| WORDS[dice.usize(..WORDS.len())]);
    weather.chance = [0, 5, 15][dice.usize(..3)];
    weather.seed = dice.u64(..);
    if weather.reorg.is_none() && dice.u8(..5) == 0 {
        weather.reorg = Some(dice.u64(1..=2));
    }
    if weather.reorg.is_some() && weather.swallow == Swallow::Nothing && dice.u8(..3) == 0 {
        weather.swallow = Swallow::Unwound;
    }
    weather.frozen = weather.reorg.is_none() && dice.u8(..6) == 0;
    Plan { number: 0, kills: vec![first, second], certain: false, weather }
}

/// The least faults that make points reachable.
fn needed(points: &[&str]) -> Weather {
    let mut weather = Weather::default();
    for point in points {
        match *point {
            "c6-before" | "c6-after" => weather.swallow = weather.swallow.once_more(),
            "cancel-before" | "cancel-after" if weather.reorg.is_some() => weather.swallow = Swallow::Unwound,
            "cancel-before" | "cancel-after" => weather.swallow = Swallow::Orders,
            "unwind-after" => weather.reorg = Some(2),
            _ => {}
        }
    }
    weather
}

impl Swallow {
    /// A successor begins with the bytes that are there.
    const fn once_more(self) -> Self {
        match self {
            Self::Nothing => Self::First(1),
            Self::First(count) => Self::First(count + 1),
            Self::Orders | Self::Unwound => self,
        }
    }
}

/// Two points of which the second can come after the first: what a successor takes up begins where its predecessor has committed.
fn pairs() -> Vec<(&'static str, &'static str)> {
    /// What the points are called in the order in which one operation passes them, if everything happens to it.
    const PASSAGE: [&str; 20] = [
        "c1-before",
        "c1-after",
        "simulated",
        "c2-before",
        "c2-after",
        "signed",
        "c3-after",
        "c4-after",
        "sent",
        "c5-after",
        "c6-before",
        "c6-after",
        "cancel-before",
        "cancel-after",
        "c7-before",
        "c7-after",
        "settled",
        "unwind-after",
        "c8-before",
        "c8-after",
    ];
    let place = |name: &str| PASSAGE.iter().position(|point| *point == name).unwrap();
    let resumes_at = |first: usize| match PASSAGE[first] {
        // The evidence is still there, and begins another operation.
        "c1-before" | "c1-after" | "simulated" | "c2-before" | "c2-after" | "signed" => place("c1-before"),
        "c3-after" => place("c4-after"),
        // What a reorganisation has undone is on its way again, and lands a second time.
        "c4-after" | "sent" | "c5-after" | "unwind-after" => place("sent"),
        "c6-after" | "cancel-after" => place("c7-before"),
        "c7-after" | "settled" => place("unwind-after"),
        "c8-after" => PASSAGE.len(),
        _ => first,
    };
    let seconds = |first: usize| PASSAGE[resumes_at(first)..].iter().map(move |second| (PASSAGE[first], *second));
    (0..PASSAGE.len()).flat_map(seconds).collect()
}
