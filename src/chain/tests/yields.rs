//! Yields on contracts that really pay and really lend, through the batched read of a block.

use std::sync::Arc;
use std::time::Duration;

use alloy::sol;
use alloy::sol_types::SolValue;
use alloy_primitives::{Address, U256};

use super::anvil::{Anvil, READER, Reply, contract};
use crate::chain::provider::Node;
use crate::chain::token::Token;
use crate::chain::yields::aave_v3::AaveReserve;
use crate::chain::yields::compound_v3::CompoundMarket;
use crate::chain::yields::erc4626::ShareVault;
use crate::chain::yields::savings_rate::{SavingsKind, SavingsRate};
use crate::chain::{head, reader};
use crate::devnet::deployer::Deployer;
use crate::devnet::rpc::{Account, Rpc};
use crate::devnet::{bytecode, yields};
use crate::domain::ids::{AssetId, ChainName, SourceId};
use crate::domain::units::{GasPrice, Weight};
use crate::domain::yields::{
    Apr, Apy, GrowthRule, Look, Payer, Said, ShareMove, YieldFault, YieldReading, YieldRule, YieldTrack,
};
use crate::ports::{Head, YieldSource};

sol! {
    interface IToken {
        function mint(address to, uint256 value) external;
    }
}

const HOUR: u64 = 3_600;
const FEE: GasPrice = GasPrice::from_gwei(3);

fn payer() -> Arc<Payer> {
    let (id, asset, chain) = (SourceId::new("test:DAI@demo"), AssetId::new("DAI"), ChainName::new("demo"));
    Arc::new(Payer { id, asset, chain })
}

/// A node that makes a block when it is told to, and a coin of which the account has plenty.
struct Bank {
    anvil: Anvil,
    node: Node,
    rpc: Rpc,
    account: Account,
    coin: Token,
    /// Time of the next block.
    next: u64,
}

impl Bank {
    async fn open(decimals: u8) -> Self {
        let anvil = Anvil::start(&["--no-mining"]);
        let node = anvil.node();
        let rpc = Rpc::connect(&format!("http://127.0.0.1:{}", anvil.port)).unwrap();
        let accounts: Vec<Address> = rpc.ask("eth_accounts", ()).await.unwrap();
        let next = head::newest(&node).await.unwrap().stamp.timestamp.secs() + 10;
        let coin = Token { address: Address::ZERO, decimals };
        let mut bank = Self { anvil, node, rpc, account: Account::new(accounts[0]), coin, next };
        let rpc = bank.rpc.clone();
        let mut deployer = bank.deployer(&rpc);
        let arguments = ("Coin", "COIN", U256::from(decimals)).abi_encode_params();
        let code = bytecode::creation(bytecode::TEST_TOKEN).unwrap();
        let mut account = bank.account;
        let address = deployer.deploy(&mut account, "coin", code, arguments).await.unwrap();
        let value = U256::from(10).pow(U256::from(30));
        let mint = IToken::mintCall { to: account.address, value };
        deployer.call(&mut account, address, &mint).await.unwrap();
        deployer.settle().await.unwrap();
        (bank.next, bank.account, bank.coin.address) = (deployer.next_timestamp(), account, address);
        bank
    }

    fn deployer<'a>(&self, rpc: &'a Rpc) -> Deployer<'a> {
        Deployer::new(rpc, self.next, FEE)
    }

    /// Whole coins in their smallest unit.
    fn coins(&self, whole: u64) -> U256 {
        U256::from(whole) * U256::from(10).pow(U256::from(self.coin.decimals))
    }

    /// An empty block so many seconds later.
    async fn wait(&mut self, secs: u64) -> Head {
        self.next += secs - 1;
        self.rpc.mine(self.next, FEE).await.unwrap();
        self.next += 1;
        head::newest(&self.node).await.unwrap()
    }

    async fn read_at(&self, source: &impl YieldSource, at: &Head) -> Result<YieldReading, YieldFault> {
        let answers = reader::read(&self.node, &READER, at.stamp.hash, &source.calls()).await.unwrap();
        source.reading(&answers, &at.stamp)
    }

    async fn read(&self, source: &impl YieldSource) -> Result<YieldReading, YieldFault> {
        self.read_at(source, &head::newest(&self.node).await.unwrap()).await
    }
}

/// Sends what the body sends, as a block.
macro_rules! block {
    ($bank:ident, |$deployer:ident, $account:ident| $($body:tt)*) => {{
        let rpc = $bank.rpc.clone();
        let mut deployer = $bank.deployer(&rpc);
        let mut account = $bank.account;
        let found = {
            let ($deployer, $account) = (&mut deployer, &mut account);
            $($body)*
        };
        deployer.settle().await.unwrap();
        ($bank.next, $bank.account) = (deployer.next_timestamp(), account);
        found
    }};
}

fn apy(reading: &YieldReading) -> Apy {
    match reading.said {
        Said::Rate { apy, .. } => apy,
        Said::Share(_) => panic!("no rate"),
    }
}

#[track_caller]
fn about(found: f64, expected: f64, off: f64) {
    assert!((found - expected).abs() <= off, "{found} is not about {expected}");
}

#[tokio::test]
async fn a_reserve_pays_its_rate_and_lends_out_what_is_borrowed() {
    let mut bank = Bank::open(6).await;
    let coin = bank.coin.address;
    let pool = block!(bank, |deployer, account| yields::deploy_pool(deployer, account).await.unwrap());
    block!(bank, |deployer, account| yields::list(deployer, account, pool, coin).await.unwrap());
    let a_token = yields::lender_token(&bank.rpc, pool, coin).await.unwrap();
    let reserve = AaveReserve::new(payer(), pool, coin, a_token);
    let amount = bank.coins(1_000);
    block!(bank, |deployer, account| {
        yields::supply(deployer, account, pool, coin, amount).await.unwrap();
        yields::set_reserve_apr(deployer, account, pool, coin, 0.042).await.unwrap();
    });
    let before = head::newest(&bank.node).await.unwrap();
    let quiet = bank.read(&reserve).await.unwrap();
    assert_eq!(quiet.utilisation, Some(Weight::ZERO));
    about(apy(&quiet).as_fraction(), Apr::from_wad(42_000_000_000_000_000).compounded().unwrap().as_fraction(), 1e-12);

    let (borrowed, rest) = (bank.coins(960), bank.coins(40));
    block!(bank, |deployer, account| {
        yields::borrow(deployer, account, pool, coin, borrowed).await.unwrap();
        yields::set_reserve_apr(deployer, account, pool, coin, 0.68).await.unwrap();
    });
    let busy = bank.read(&reserve).await.unwrap();
    about(busy.utilisation.unwrap().as_fraction(), 0.96, 1e-6);
    assert_eq!(apy(&busy).to_string(), "97.39 %", "as USDT paid on 11 March 2023");
    let year = bank.wait(365 * 86_400).await;
    let owed = bank.read_at(&reserve, &year).await.unwrap();
    about(owed.utilisation.unwrap().as_fraction(), 1.0 - 40.0 / 1_680.0, 1e-6);
    block!(bank, |deployer, account| yields::borrow(deployer, account, pool, coin, rest).await.unwrap());
    let empty = bank.read(&reserve).await.unwrap();
    assert_eq!(empty.utilisation, Some(Weight::ONE));
    assert_eq!(bank.read_at(&reserve, &before).await.unwrap(), quiet, "the past is as it was");

    block!(bank, |deployer, account| yields::set_paused(deployer, account, pool, coin, true).await.unwrap());
    assert_eq!(bank.read(&reserve).await.unwrap_err().label(), "closed");
}

#[tokio::test]
async fn a_reserve_that_is_not_there_has_no_yield() {
    let mut bank = Bank::open(18).await;
    let (coin, stranger) = (bank.coin.address, Address::repeat_byte(9));
    let pool = block!(bank, |deployer, account| yields::deploy_pool(deployer, account).await.unwrap());
    let label = async |bank: &Bank, reserve: AaveReserve| bank.read(&reserve).await.unwrap_err().label();
    assert_eq!(label(&bank, AaveReserve::new(payer(), pool, coin, stranger)).await, "mismatched", "it is not listed");
    assert_eq!(label(&bank, AaveReserve::new(payer(), stranger, coin, stranger)).await, "failed_call", "there is no pool");
    assert_eq!(label(&bank, AaveReserve::new(payer(), coin, coin, stranger)).await, "failed_call", "it is no pool");
}

fn rule() -> YieldRule {
    YieldRule {
        half_life: Duration::from_secs(24 * HOUR),
        warm_up: Duration::from_secs(HOUR),
        cap: Apy::from_bps(2_000).unwrap(),
        max_utilisation: Weight::from_bps(9_500),
        growth: GrowthRule::USUAL,
    }
}

/// A vault with six or eighteen digits that pays 5 %, as shares and as a savings rate.
async fn vault_in(bank: &mut Bank) -> (Address, ShareVault, SavingsRate) {
    let (coin, amount) = (bank.coin.address, bank.coins(1_000_000));
    let vault = block!(bank, |deployer, account| yields::deploy_vault(deployer, account, coin, "COIN").await.unwrap());
    block!(bank, |deployer, account| {
        yields::deposit(deployer, account, coin, vault, amount).await.unwrap();
        yields::set_vault_apy(deployer, account, vault, 0.05).await.unwrap();
    });
    let shares = ShareVault::new(payer(), Token { address: vault, decimals: bank.coin.decimals }, bank.coin).unwrap();
    (vault, shares, SavingsRate::new(payer(), vault, SavingsKind::Ssr(coin)))
}

#[tokio::test]
async fn the_growth_of_a_vault_is_what_it_pays_whatever_its_coin_counts_in() {
    for decimals in [6, 18] {
        let mut bank = Bank::open(decimals).await;
        let (_, shares, savings) = vault_in(&mut bank).await;
        let mut track = YieldTrack::new(rule(), Duration::from_secs(HOUR));
        let mut last = None;
        for _ in 0..13 {
            let block = bank.wait(600).await;
            let (by_shares, by_rate) =
                (bank.read_at(&shares, &block).await.unwrap(), bank.read_at(&savings, &block).await.unwrap());
            about(apy(&by_rate).as_fraction(), 0.05, 1e-9);
            let (one, other) = (by_shares.share().unwrap().rate.as_f64(), by_rate.share().unwrap().rate.as_f64());
            about(one, other, 1e-10);
            last = Some(track.take(&by_shares));
        }
        let Look { yields, share, moved } = last.unwrap();
        let found = yields.unwrap();
        about(found.spot.as_fraction(), 0.05, 0.0002);
        about(found.smooth.as_fraction(), 0.05, 0.0002);
        assert_eq!((share.unwrap().block, moved), (found.block, None));
    }
}

#[tokio::test]
async fn a_gift_is_left_out_and_a_loss_is_told() {
    let mut bank = Bank::open(18).await;
    let (vault, shares, _) = vault_in(&mut bank).await;
    let coin = bank.coin.address;
    let mut track = YieldTrack::new(rule(), Duration::from_secs(HOUR));
    for _ in 0..13 {
        bank.wait(600).await;
        assert_eq!(track.take(&bank.read(&shares).await.unwrap()).moved, None);
    }
    let gift = bank.coins(10_000);
    block!(bank, |deployer, account| {
        deployer.call(account, coin, &IToken::mintCall { to: vault, value: gift }).await.unwrap();
    });
    let look = track.take(&bank.read(&shares).await.unwrap());
    let Some(ShareMove::Jumped { from, to }) = look.moved else { panic!("a leap") };
    about(to.rate.as_f64() / from.rate.as_f64(), 1.01, 1e-4);
    about(look.yields.unwrap().spot.as_fraction(), 0.05, 0.0002);

    let loss = bank.coins(20_000);
    block!(bank, |deployer, account| yields::lose(deployer, account, vault, loss).await.unwrap());
    let look = track.take(&bank.read(&shares).await.unwrap());
    assert!(matches!(look.moved, Some(ShareMove::Fell { from, to }) if from.rate > to.rate), "{look:?}");
    assert_eq!(look.yields.unwrap_err().label(), "too_young");
}

#[tokio::test]
async fn an_empty_vault_and_one_of_another_coin_have_no_yield() {
    let mut bank = Bank::open(6).await;
    let coin = bank.coin.address;
    let vault = block!(bank, |deployer, account| yields::deploy_vault(deployer, account, coin, "COIN").await.unwrap());
    let shares = |decimals, coin| ShareVault::new(payer(), Token { address: vault, decimals }, coin).unwrap();
    assert_eq!(bank.read(&shares(6, bank.coin)).await.unwrap_err().label(), "implausible", "it is empty");
    assert_eq!(bank.read(&shares(18, bank.coin)).await.unwrap_err().label(), "mismatched");
    let other = Token { address: Address::repeat_byte(9), ..bank.coin };
    assert_eq!(bank.read(&shares(6, other)).await.unwrap_err().label(), "mismatched");
    let pot = SavingsRate::new(payer(), vault, SavingsKind::Dsr);
    assert_eq!(bank.read(&pot).await.unwrap_err().label(), "failed_call", "it has a savings rate by the other name");
}

#[tokio::test]
async fn a_market_of_compound_is_read_in_one_batch() {
    let mut bank = Bank::open(6).await;
    let place = Address::repeat_byte(0xc0);
    let word = |value: u64| Reply::Return(U256::from(value).abi_encode());
    let selector = |name: &str| -> [u8; 4] { alloy_primitives::keccak256(name)[..4].try_into().unwrap() };
    // It pays 3 % whatever is lent out: its curve has no slope.
    let comet = |rate| {
        contract(&[
            (selector("baseToken()"), Reply::Return(bank.coin.address.abi_encode())),
            (selector("isWithdrawPaused()"), word(0)),
            (selector("getUtilization()"), word(800_000_000_000_000_000)),
            (selector("supplyKink()"), word(900_000_000_000_000_000)),
            (selector("supplyPerSecondInterestRateBase()"), word(951_293_759)),
            (selector("supplyPerSecondInterestRateSlopeLow()"), word(0)),
            (selector("supplyPerSecondInterestRateSlopeHigh()"), word(0)),
            (selector("getSupplyRate(uint256)"), word(rate)),
        ])
    };
    let market = CompoundMarket::new(payer(), place, bank.coin.address);
    let (right, wrong) = (comet(951_293_759), comet(951_293_760));
    bank.anvil.put(place, &right).await;
    bank.wait(12).await;
    let found = bank.read(&market).await.unwrap();
    assert_eq!((apy(&found).to_string(), found.utilisation), ("3.05 %".to_owned(), Some(Weight::from_bps(8_000))));
    bank.anvil.put(place, &wrong).await;
    bank.wait(12).await;
    assert_eq!(bank.read(&market).await.unwrap_err().label(), "mismatched");
}
