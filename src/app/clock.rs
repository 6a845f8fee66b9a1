pub use crate::devnet::WallClock;
