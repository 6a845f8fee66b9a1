//! A node for one test, and contracts for it that are a few bytes long.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use alloy_primitives::{Address, Bytes, hex};
use secrecy::SecretString;
use serde_json::Value;

use crate::chain::head;
use crate::chain::provider::Node;
use crate::chain::reader::ReaderSettings;
use crate::devnet::proxy::{Faults, Proxy};
use crate::devnet::toolbox;
use crate::ports::Head;

use super::unheard;

pub(super) const CHAIN_ID: u64 = 31_337;

pub(super) const READER: ReaderSettings = ReaderSettings { gas_per_call: 100_000, gas: 20_000_000, calls_per_request: 800 };

/// Returns the number of the block.
pub(super) const BLOCK_NUMBER: &str = "4360005260206000f3";
/// Reverts without data.
pub(super) const REVERTS: &str = "60006000fd";
/// Burns all gas that it is given.
pub(super) const BURNS: &str = "5b600056";

/// A running node; it dies with this value.
pub(super) struct Anvil {
    child: Child,
    pub(super) port: u16,
}

impl Drop for Anvil {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Anvil {
    /// Starts one on a free port.
    pub(super) fn start(args: &[&str]) -> Self {
        let mut command = Command::new(toolbox::for_tests().anvil);
        command.args(["--port", "0"]).args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines
            .find_map(|line| Some(line.unwrap().split_once("Listening on ")?.1.rsplit_once(':')?.1.parse().unwrap()))
            .unwrap();
        // A node whose output nobody reads stops when the pipe is full.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, port }
    }

    pub(super) fn http(&self) -> SecretString {
        format!("http://127.0.0.1:{}", self.port).into()
    }

    pub(super) fn ws(&self) -> SecretString {
        format!("ws://127.0.0.1:{}", self.port).into()
    }

    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(super) fn node(&self) -> Node {
        Node::http(&self.http(), Duration::from_secs(10), unheard()).unwrap()
    }

    /// A proxy before it, and the node that one sees through it.
    pub(super) async fn proxied(&self) -> (Proxy, Node) {
        let proxy = Proxy::start((std::net::Ipv4Addr::LOCALHOST, self.port).into(), Faults::none()).await.unwrap();
        let node = Node::http(&proxy.http_url().into(), Duration::from_secs(10), unheard()).unwrap();
        (proxy, node)
    }

    pub(super) async fn mine(&self, blocks: u64) -> Head {
        let _: Value = self.node().ask("anvil_mine", (format!("0x{blocks:x}"),)).await.unwrap();
        head::newest(&self.node()).await.unwrap()
    }

    pub(super) async fn put(&self, at: Address, code: &str) {
        let _: Value = self.node().ask("anvil_setCode", (at, Bytes::from(hex::decode(code).unwrap()))).await.unwrap();
    }
}

/// What a made-up contract says to one question.
pub(super) enum Reply {
    Return(Vec<u8>),
    Revert(Vec<u8>),
}

/// Code of a contract that knows one reply for each selector and reverts for all others.
pub(super) fn contract(replies: &[([u8; 4], Reply)]) -> String {
    const BODY: usize = 16;
    let two = |number: usize| u16::try_from(number).unwrap().to_be_bytes();
    let bodies_at = 6 + 11 * replies.len() + 5;
    let mut data_at = bodies_at + BODY * replies.len();
    let mut code = hex::decode("60003560e01c").unwrap();
    let (mut bodies, mut data) = (Vec::new(), Vec::new());
    for (at, (selector, reply)) in replies.iter().enumerate() {
        code.extend([&[0x80, 0x63][..], selector, &[0x14, 0x61], &two(bodies_at + BODY * at), &[0x57]].concat());
        let (bytes, last) = match reply {
            Reply::Return(bytes) => (bytes, 0xf3),
            Reply::Revert(bytes) => (bytes, 0xfd),
        };
        let (len, from) = (two(bytes.len()), two(data_at));
        bodies.extend([&[0x5b, 0x61][..], &len, &[0x61], &from, &[0x60, 0, 0x39, 0x61], &len, &[0x60, 0, last]].concat());
        data.extend(bytes);
        data_at += bytes.len();
    }
    code.extend(hex::decode(REVERTS).unwrap());
    hex::encode([code, bodies, data].concat())
}
