//! One subscription to the logs of all aggregators of a chain, on the websocket that its heads come from. It lives in a task of its own:
//! whatever becomes of it, heads and reads go on.

use std::collections::BTreeSet;
use std::future::pending;
use std::time::Duration;

use alloy::pubsub::RawSubscription;
use alloy_primitives::Address;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tracing::debug;

use crate::chain::announcement::{TOPICS, understand};
use crate::chain::provider::Node;
use crate::ports::Announcement;

/// What a busy block of many feeds brings while a batch is being read. What is beyond that waits in the connection, and then is missed.
const WAITING: usize = 64;

/// Listens to aggregators. It ends, with its subscription, when it is dropped.
pub(super) struct Listening {
    node: Node,
    /// Time between two attempts to subscribe.
    again: Duration,
    task: JoinSet<()>,
    hand: mpsc::Sender<Announcement>,
    heard: mpsc::Receiver<Announcement>,
}

impl Listening {
    /// Listens to nobody yet.
    pub(super) fn new(node: Node, again: Duration) -> Self {
        let (hand, heard) = mpsc::channel(WAITING);
        Self { node, again, task: JoinSet::new(), hand, heard }
    }

    /// Listens to these and to no others. What is announced until the node has taken the new subscription is missed; that happens when
    /// an aggregator is replaced, and costs no more than the width of one round.
    pub(super) fn follow(&mut self, aggregators: &BTreeSet<Address>) {
        self.task = JoinSet::new();
        if !aggregators.is_empty() {
            let (node, aggregators, again, hand) = (self.node.clone(), aggregators.clone(), self.again, self.hand.clone());
            self.task.spawn(async move { subscribe(&node, &aggregators, again, &hand).await });
        }
    }

    /// The next announcement, for as long as it takes. May be dropped at any moment.
    pub(super) async fn next(&mut self) -> Announcement {
        match self.heard.recv().await {
            Some(announcement) => announcement,
            None => pending().await,
        }
    }
}

/// Until the node takes the subscription, at a slow pace: there are nodes that push heads and no logs.
async fn subscribe(node: &Node, aggregators: &BTreeSet<Address>, again: Duration, hand: &mpsc::Sender<Announcement>) {
    loop {
        match node.subscribe_logs(aggregators, &TOPICS).await {
            Ok(logs) => return Subscribed { node, logs }.hear(aggregators, hand).await,
            Err(fault) => debug!(label = fault.label(), %fault, "announcements of aggregators cannot be had"),
        }
        sleep(again).await;
    }
}

/// A subscription that the node forgets when it is dropped.
struct Subscribed<'a> {
    node: &'a Node,
    logs: RawSubscription,
}

impl Drop for Subscribed<'_> {
    fn drop(&mut self) {
        self.node.unsubscribe(&self.logs);
    }
}

impl Subscribed<'_> {
    async fn hear(mut self, aggregators: &BTreeSet<Address>, hand: &mpsc::Sender<Announcement>) {
        loop {
            match self.logs.recv().await {
                Ok(log) => match understand(log.get(), aggregators) {
                    Ok(announcement) => {
                        if hand.send(announcement).await.is_err() {
                            return;
                        }
                    }
                    Err(refusal) => debug!(label = refusal.label(), "a log is ignored: {refusal}"),
                },
                Err(RecvError::Lagged(missed)) => debug!(missed, "announcements were missed"),
                // The connection is over; its heads say so.
                Err(RecvError::Closed) => return,
            }
        }
    }
}
