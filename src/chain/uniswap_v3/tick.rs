//! What a tick of Uniswap V3 costs, to the last bit that the pools themselves count: `1.0001^tick` of token 1 for one token 0, both in
//! their smallest units. Integers only.

use alloy_primitives::{U256, U512};

use crate::chain::token::ratio;
use crate::domain::units::{Price, Rounding};

/// The highest tick; the lowest is its opposite.
pub(super) const MOST: u32 = 887_272;

/// `1.0001^(-2^k / 2)` for k from 0 to 19, as fractions of 2^128, rounded to the nearest.
const HALVINGS: [u128; 20] = [
    0xfffc_b933_bd6f_ad37_aa2d_162d_1a59_4001,
    0xfff9_7272_373d_4132_59a4_6990_580e_213a,
    0xfff2_e50f_5f65_6932_ef12_357c_f3c7_fdcc,
    0xffe5_caca_7e10_e4e6_1c36_24ea_a094_1cd0,
    0xffcb_9843_d60f_6159_c9db_5883_5c92_6644,
    0xff97_3b41_fa98_c081_472e_6896_dfb2_54c0,
    0xff2e_a164_66c9_6a38_43ec_78b3_26b5_2861,
    0xfe5d_ee04_6a99_a2a8_11c4_61f1_969c_3053,
    0xfcbe_86c7_900a_88ae_dcff_c83b_479a_a3a4,
    0xf987_a725_3ac4_1317_6f2b_074c_f781_5e54,
    0xf339_2b08_22b7_0005_940c_7a39_8e4b_70f3,
    0xe715_9475_a2c2_9b74_43b2_9c7f_a6e8_89d9,
    0xd097_f3bd_fd20_22b8_845a_d8f7_92aa_5825,
    0xa9f7_4646_2d87_0fdf_8a65_dc1f_90e0_61e5,
    0x70d8_69a1_56d2_a1b8_90bb_3df6_2baf_32f7,
    0x31be_135f_97d0_8fd9_8123_1505_542f_cfa6,
    0x09aa_508b_5b7a_84e1_c677_de54_f3e9_9bc9,
    0x005d_6af8_dedb_8119_6699_c329_225e_e604,
    0x0000_2216_e584_f5fa_1ea9_2604_1bed_fe98,
    0x0000_0000_048a_1703_91f7_dc42_444e_8fa2,
];

/// The root of a tick's price as the pools count it: a fraction of 2^96, rounded up. `None` beyond the last tick.
pub(super) fn root(tick: i32) -> Option<U256> {
    let distance = tick.unsigned_abs();
    if distance > MOST {
        return None;
    }
    let mut root = U256::from(1u8).checked_shl(128)?;
    for (at, halving) in HALVINGS.iter().enumerate() {
        if distance.checked_shr(u32::try_from(at).ok()?)? & 1 == 1 {
            // Neither factor has more than 129 bits.
            root = root.checked_mul(U256::from(*halving))? >> 128;
        }
    }
    if tick > 0 {
        root = U256::MAX.checked_div(root)?;
    }
    let (whole, rest) = root.div_rem(U256::from(1u64 << 32));
    if rest.is_zero() { Some(whole) } else { whole.checked_add(U256::from(1u8)) }
}

/// Which of a pool's two tokens is priced in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Priced {
    /// Token 0 in token 1.
    First,
    /// Token 1 in token 0.
    Second,
}

/// The price of a whole token at a tick, rounded down; `None` when the tick is none, or the price does not fit or is zero.
pub(super) fn price(tick: i32, priced: Priced, decimals: u8, other_decimals: u8) -> Option<Price> {
    let root = U512::from(root(tick)?);
    // 160 bits at most, twice.
    let square = root.checked_mul(root)?;
    let one = U512::from(1u8) << 192;
    let (paid, got) = match priced {
        Priced::First => (square, one),
        Priced::Second => (one, square),
    };
    ratio(paid, other_decimals, got, decimals, Rounding::Down)
}

#[cfg(test)]
mod tests;
