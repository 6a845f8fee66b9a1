//! The node as the world talks to it: unlocked accounts, explicit nonces and prices, blocks on demand.

use std::borrow::Cow;
use std::time::Duration;

use alloy::providers::{Provider, ProviderBuilder, RootProvider};
use alloy::rpc::client::RpcClient;
use alloy::sol_types::SolCall;
use alloy::transports::http::{Http, reqwest};
use alloy_primitives::{Address, B256, Bytes, U64, U256, hex};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::bytecode;
use super::contracts::IBatchReader;
use super::fault::WorldError;
use crate::domain::units::GasPrice;

/// Gas that one read of a batch may use.
const STIPEND: u64 = 400_000;

/// A JSON-RPC connection.
#[derive(Clone, Debug)]
pub struct Rpc {
    provider: RootProvider,
    reader: Bytes,
}

/// An account whose transactions the node signs. It counts its own nonces.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    /// Its address.
    pub address: Address,
    nonce: Option<u64>,
}

impl Account {
    /// An account of which nothing is known yet.
    #[must_use]
    pub const fn new(address: Address) -> Self {
        Self { address, nonce: None }
    }

    /// Forgets the nonce; it is asked for again at the next send.
    pub const fn forget(&mut self) {
        self.nonce = None;
    }
}

/// A transaction to be sent.
#[derive(Clone, Debug)]
pub struct Order {
    /// The contract to call; none to deploy one.
    pub to: Option<Address>,
    /// Call data or creation code.
    pub data: Vec<u8>,
    /// Gas limit.
    pub gas: u64,
    /// Most that a unit of gas may cost.
    pub max_fee: GasPrice,
    /// Offered to the block's maker.
    pub tip: GasPrice,
}

impl Order {
    /// A call in the coming block, whatever that costs by then: a transaction that a rising base fee has priced out would hold up
    /// all later ones of its account.
    #[must_use]
    pub fn at<C: SolCall>(to: Address, call: &C, gas: u64, base_fee: GasPrice) -> Self {
        let tip = GasPrice::from_wei(base_fee.wei().div_euclid(100).max(1));
        Self { to: Some(to), data: call.abi_encode(), gas, max_fee: GasPrice::from_gwei(100_000), tip }
    }
}

impl Rpc {
    /// Talks to the node at `url`, around any proxy.
    ///
    /// # Errors
    /// The URL makes no sense.
    pub fn connect(url: &str) -> Result<Self, WorldError> {
        let wrong = |fault: String| WorldError::Rpc { method: "connect", fault };
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build();
        let http = http.map_err(|fault| wrong(fault.to_string()))?;
        let url = url.parse().map_err(|_| wrong(format!("{url} is no URL")))?;
        let client = RpcClient::new(Http::with_client(http, url), true);
        let provider = ProviderBuilder::new().disable_recommended_fillers().connect_client(client);
        Ok(Self { provider, reader: bytecode::runtime(bytecode::BATCH_READER)? })
    }

    /// One request.
    ///
    /// # Errors
    /// The node is down, refuses, or answers something else.
    pub async fn ask<P: Serialize, R: DeserializeOwned>(&self, method: &'static str, params: P) -> Result<R, WorldError> {
        let refused = |fault: String| WorldError::Rpc { method, fault };
        // Of no parameters serde makes null, where the protocol wants an empty list.
        let params = match serde_json::to_value(params) {
            Ok(Value::Null) => json!([]),
            Ok(params) => params,
            Err(fault) => return Err(refused(fault.to_string())),
        };
        let answer: Value = self.provider.raw_request(Cow::Borrowed(method), params).await.map_err(|f| refused(f.to_string()))?;
        serde_json::from_value(answer).map_err(|fault| refused(format!("an answer that cannot be decoded: {fault}")))
    }

    /// Mines one block at a time of the chain's clock, with a base fee.
    ///
    /// # Errors
    /// The node is down or refuses.
    pub async fn mine(&self, timestamp: u64, base_fee: GasPrice) -> Result<(), WorldError> {
        let _: Value = self.ask("anvil_setNextBlockBaseFeePerGas", (U256::from(base_fee.wei()),)).await?;
        let _: Value = self.ask("evm_mine", (json!({ "timestamp": timestamp }),)).await?;
        Ok(())
    }

    /// Number of the newest block.
    ///
    /// # Errors
    /// The node is down or refuses.
    pub async fn height(&self) -> Result<u64, WorldError> {
        self.ask::<_, U64>("eth_blockNumber", ()).await.map(|height| height.to())
    }

    /// Sends an order; it is in the next block, in order of price. A nonce is spent only when the node accepts.
    ///
    /// # Errors
    /// The node is down or refuses; the account then asks for its nonce again.
    pub async fn send(&self, from: &mut Account, order: &Order) -> Result<B256, WorldError> {
        let nonce = self.nonce(from).await?;
        let transaction = json!({
            "from": from.address,
            "to": order.to,
            "data": hex::encode_prefixed(&order.data),
            "gas": U64::from(order.gas),
            "nonce": U64::from(nonce),
            "maxFeePerGas": U256::from(order.max_fee.wei()),
            "maxPriorityFeePerGas": U256::from(order.tip.wei()),
        });
        let sent = self.ask("eth_sendTransaction", (transaction,)).await;
        from.nonce = sent.is_ok().then(|| nonce.saturating_add(1));
        sent
    }

    /// The account's next nonce, with what waits for a block.
    ///
    /// # Errors
    /// The node is down or refuses.
    pub async fn nonce(&self, account: &mut Account) -> Result<u64, WorldError> {
        if let Some(nonce) = account.nonce {
            return Ok(nonce);
        }
        let nonce = self.ask::<_, U64>("eth_getTransactionCount", (account.address, "pending")).await?.to();
        account.nonce = Some(nonce);
        Ok(nonce)
    }

    /// Calls a contract in the newest state.
    ///
    /// # Errors
    /// The call reverts, or the node is down.
    pub async fn call<C: SolCall>(&self, to: Address, call: &C) -> Result<C::Return, WorldError> {
        let request = json!({ "to": to, "data": hex::encode_prefixed(call.abi_encode()) });
        let answer: Bytes = self.ask("eth_call", (request, "latest")).await?;
        C::abi_decode_returns(&answer).map_err(WorldError::decode(C::SIGNATURE))
    }

    /// Asks many questions of one state in one call. All of them must be answered.
    ///
    /// # Errors
    /// A question is not answered, or the node is down.
    pub async fn read(&self, questions: Vec<(Address, Vec<u8>)>) -> Result<Vec<Bytes>, WorldError> {
        let ask = |(target, data): (Address, Vec<u8>)| IBatchReader::Call { target, gasStipend: STIPEND, data: data.into() };
        let call = IBatchReader::readCall { calls: questions.into_iter().map(ask).collect() };
        let place = Address::repeat_byte(0xba);
        let request = json!({ "to": place, "data": hex::encode_prefixed(call.abi_encode()) });
        let code = json!({ place.to_string(): { "code": self.reader } });
        let answer: Bytes = self.ask("eth_call", (request, "latest", code)).await?;
        let answers = IBatchReader::readCall::abi_decode_returns(&answer).map_err(WorldError::decode("a batch"))?;
        let fault = || WorldError::Decode { what: "a batch", fault: "one of its calls failed".into() };
        answers.into_iter().map(|answer| answer.ok.then_some(answer.data).ok_or_else(fault)).collect()
    }
}
