//! A position of two assets that goes off its target whenever it is told to, and does what is ordered once it is told that the order is
//! in a block. Its transactions are real; what they do to weights is not what is measured.

use std::sync::{Mutex, MutexGuard, PoisonError};

use alloy_primitives::{Address, Bytes};
use ballast::domain::decide::GasNeeds;
use ballast::domain::plan::Plan;
use ballast::domain::position::{BlockStamp, Capabilities, Controls, FeeRamp, Ownership, PositionFacts, Ramp};
use ballast::domain::units::{SwapFee, Timestamp, TokenAmount, Weight};
use ballast::ports::{Answer, Call, Position, PositionFault};

/// Where its transactions go: nobody is there, so that every one succeeds.
const TARGET: Address = Address::repeat_byte(0x5e);
/// As long as the call that moves the weights of a pool of three tokens.
const CALL_BYTES: usize = 388;

/// The position.
pub(crate) struct Seesaw(Mutex<State>);

struct State {
    weights: [u32; 2],
    ramp: Ramp,
    ordered: Option<Ramp>,
}

const fn weights(bps: [u32; 2]) -> [Weight; 2] {
    [Weight::from_bps(bps[0]), Weight::from_bps(bps[1])]
}

impl Seesaw {
    /// On its target of half and half, and never moved.
    pub(crate) fn new(born: Timestamp) -> Self {
        let ramp = Ramp { start: born, end: born, end_weights: weights([5_000; 2]).to_vec() };
        Self(Mutex::new(State { weights: [5_000; 2], ramp, ordered: None }))
    }

    fn open(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ten points off.
    pub(crate) fn tip_over(&self) {
        self.open().weights = [6_000, 4_000];
    }

    /// What was ordered is in the next block.
    pub(crate) fn obey(&self) {
        let mut state = self.open();
        state.ramp = state.ordered.take().unwrap();
        state.weights = [5_000; 2];
    }
}

/// What the pool keeps of a swap.
const FEE: SwapFee = SwapFee::from_bps(5);

impl Position for Seesaw {
    fn capabilities(&self) -> Capabilities {
        Capabilities { read: true, reweight: true, ..Capabilities::default() }
    }

    fn calls(&self) -> Vec<Call> {
        vec![Call { target: TARGET, data: Bytes::new() }]
    }

    fn facts(&self, _answers: &[Answer], at: &BlockStamp) -> Result<PositionFacts, PositionFault> {
        let state = self.open();
        let weights = weights(state.weights);
        // Worth a million dollars.
        let balances = weights.map(|weight| TokenAmount { raw: weight.wad() * 1_000_000, decimals: 18 });
        Ok(PositionFacts {
            block: *at,
            weights: weights.to_vec(),
            balances: balances.to_vec(),
            controls: Controls {
                ramp: state.ramp.clone(),
                fee: FeeRamp { start: Timestamp::default(), end: Timestamp::default(), from: FEE, to: FEE },
                swap_enabled: true,
            },
            swap_fee: FEE,
            paused: false,
            touched: 0,
            ownership: Ownership { supply: 1, treasury: 0 },
            breakers: Vec::new(),
            purse: Vec::new(),
        })
    }

    fn gas_needs(&self) -> GasNeeds {
        GasNeeds { reweight: 97_000, ..GasNeeds::default() }
    }

    fn order(&self, plan: &Plan, start: Timestamp, end: Timestamp) -> Call {
        let Plan::Reweight(reweight) = plan else { panic!("nothing calls for {plan:?}") };
        self.open().ordered = Some(Ramp { start, end, end_weights: reweight.target.weights().to_vec() });
        Call { target: TARGET, data: vec![0xab; CALL_BYTES].into() }
    }
}
