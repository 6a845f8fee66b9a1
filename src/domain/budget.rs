//! What a lane may spend on gas in a day, so that a fault that sends and sends cannot empty its account.

use crate::domain::trigger::Class;
use crate::domain::units::Wei;

/// The limits of one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The most for a day (UTC), everything together.
    pub daily: Wei,
    /// What protection may spend beyond that: a defence does not fail because the day was busy.
    pub protective: Wei,
    /// An account that holds less than this is reported.
    pub low_balance: Wei,
}

/// The day's limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{spent} are spent or set aside today, {asked} more are asked for; the limit is {limit}: raise the budget, or wait for 00:00 UTC"
)]
pub struct OverBudget {
    /// Spent, or set aside for what is under way.
    pub spent: Wei,
    /// The most that the operation may cost.
    pub asked: Wei,
    /// The limit of its class.
    pub limit: Wei,
}

impl Budget {
    /// Whether an operation may set `asked` aside.
    ///
    /// # Errors
    /// It may not today.
    pub fn allows(&self, class: Class, spent: Wei, asked: Wei) -> Result<(), OverBudget> {
        let beyond = if class.is_protective() { self.protective } else { Wei::ZERO };
        // A limit that overflows is no limit.
        let limit = self.daily.checked_add(beyond).unwrap_or(Wei::new(u128::MAX));
        match spent.checked_add(asked) {
            Some(sum) if sum <= limit => Ok(()),
            _ => Err(OverBudget { spent, asked, limit }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: Budget = Budget { daily: Wei::new(100), protective: Wei::new(50), low_balance: Wei::ZERO };

    #[test]
    fn the_limit_is_reached_exactly_and_not_passed() {
        assert_eq!(BUDGET.allows(Class::Drift, Wei::new(60), Wei::new(40)), Ok(()));
        let over = BUDGET.allows(Class::Schedule, Wei::new(60), Wei::new(41)).unwrap_err();
        assert_eq!(over, OverBudget { spent: Wei::new(60), asked: Wei::new(41), limit: Wei::new(100) });
    }

    #[test]
    fn protection_has_a_reserve_that_nothing_else_can_spend() {
        assert_eq!(BUDGET.allows(Class::Depeg, Wei::new(100), Wei::new(50)), Ok(()));
        assert!(BUDGET.allows(Class::Depeg, Wei::new(100), Wei::new(51)).is_err());
        assert!(BUDGET.allows(Class::Drift, Wei::new(100), Wei::new(1)).is_err());
    }

    #[test]
    fn a_sum_that_overflows_is_over_every_limit() {
        let endless = Budget { daily: Wei::new(u128::MAX), protective: Wei::new(u128::MAX), low_balance: Wei::ZERO };
        assert!(endless.allows(Class::Depeg, Wei::new(u128::MAX), Wei::new(1)).is_err());
        assert_eq!(endless.allows(Class::Depeg, Wei::new(1), Wei::new(1)), Ok(()));
    }
}
