//! Division by a number that is known beforehand: a product with its reciprocal and a correction, after P. Barrett (CRYPTO '86), because
//! a power takes dozens of divisions and their divisors never change.

use alloy_primitives::U256;

/// A divisor of at most 126 bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reciprocal {
    divisor: u128,
    /// Bits of the divisor.
    bits: u32,
    /// `2^(bits + 127) / divisor`, rounded down: at most 128 bits.
    inverse: u128,
}

impl Reciprocal {
    /// Of a divisor that is no power of two.
    pub(super) const fn of(divisor: u128) -> Self {
        let bits = 128 - divisor.leading_zeros();
        // 2^(bits + 127) by the long way, bit by bit: this happens before the program runs.
        let (mut rest, mut inverse, mut bit) = (0_u128, 0_u128, bits + 128);
        while bit > 0 {
            bit -= 1;
            rest = (rest << 1) | if bit == bits + 127 { 1 } else { 0 };
            inverse <<= 1;
            if rest >= divisor {
                rest -= divisor;
                inverse |= 1;
            }
        }
        Self { divisor, bits, inverse }
    }

    /// `a x b / divisor`, rounded down. What takes more than 128 bits is as much as they hold.
    pub(super) fn of_product(self, a: u128, b: u128) -> u128 {
        self.parts(a, b).map_or_else(|| self.at_length(a, b), |(quotient, _)| quotient)
    }

    /// The same, and whether something is left.
    pub(super) fn of_product_and_rest(self, a: u128, b: u128) -> Option<(u128, bool)> {
        self.parts(a, b).map(|(quotient, rest)| (quotient, rest != 0))
    }

    /// The quotient and the rest; `None` where the quotient takes more than 127 bits.
    fn parts(self, a: u128, b: u128) -> Option<(u128, u128)> {
        let (high, low) = wide(a, b);
        // The product without its last `bits - 1` bits: at most 128 bits where the quotient has 127.
        let cut = self.bits.checked_sub(1)?;
        if high >> cut != 0 {
            return None;
        }
        let top = (high << (128_u32.checked_sub(cut)?)) | (low >> cut);
        let (mut quotient, _) = wide(top, self.inverse);
        // The guess is too small by two at most, so that the rest is a small number whatever was cut off above it.
        let mut rest = low.wrapping_sub(quotient.wrapping_mul(self.divisor));
        while rest >= self.divisor {
            rest = rest.wrapping_sub(self.divisor);
            quotient = quotient.checked_add(1)?;
        }
        Some((quotient, rest))
    }

    #[cold]
    fn at_length(self, a: u128, b: u128) -> u128 {
        U256::from(a).wrapping_mul(U256::from(b)).wrapping_div(U256::from(self.divisor)).saturating_to()
    }
}

/// The whole product, its upper and its lower half.
fn wide(a: u128, b: u128) -> (u128, u128) {
    let [l0, l1, h0, h1] = U256::from(a).wrapping_mul(U256::from(b)).into_limbs();
    let join = |low: u64, high: u64| u128::from(low) | u128::from(high) << 64;
    (join(h0, h1), join(l0, l1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_divides_as_division_does(a in any::<u128>(), b in any::<u128>(), shift in 0u32..128, tens in 1u32..37, times in 1u128..13) {
            let (a, divisor) = (a >> shift, 10u128.pow(tens) * times);
            let whole = U256::from(a).wrapping_mul(U256::from(b)) / U256::from(divisor);
            let by = Reciprocal::of(divisor);
            prop_assert_eq!(by.of_product(a, b), whole.saturating_to::<u128>());
            match by.of_product_and_rest(a, b) {
                Some((found, rest)) => {
                    prop_assert_eq!(U256::from(found), whole);
                    prop_assert_eq!(rest, whole * U256::from(divisor) != U256::from(a).wrapping_mul(U256::from(b)));
                }
                None => prop_assert!(whole.bit_len() >= 127, "{}", whole),
            }
        }
    }

    #[test]
    fn multiples_and_their_neighbours_are_not_one_off() {
        let ten = Reciprocal::of(10u128.pow(36));
        for times in [1, 2, 3, 99, u128::from(u64::MAX)] {
            let whole = 10u128.pow(36);
            assert_eq!(ten.of_product(whole, times), times);
            assert_eq!(ten.of_product(whole - 1, times), times - 1);
            assert_eq!(ten.of_product(whole + 1, times), times);
        }
    }
}
