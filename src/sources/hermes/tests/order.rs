//! What is news, and what has been heard before.

use super::*;

async fn words(updates: &[(i64, i64)]) -> Vec<String> {
    let steps = updates.iter().map(|&(bps, after)| say(&update(bps, after))).collect();
    heard(&Server::streaming(steps).await, PATIENT).await.words()
}

#[tokio::test]
async fn duplicates_and_older_updates_are_passed_over() {
    assert_eq!(words(&[(9_990, -9), (9_990, -9), (9_980, -12), (9_970, -8)]).await, ["9990", "9970"]);
    // The same price, written later, is news: it is what keeps a quote fresh.
    assert_eq!(words(&[(9_990, -9), (9_990, -8)]).await, ["9990", "9990"]);
    // Several updates in a second.
    assert_eq!(words(&[(9_990, -9), (9_980, -9), (9_980, -9), (9_990, -9)]).await, ["9990", "9980", "9990"]);
}

#[tokio::test]
async fn old_stamps_are_for_the_caller_to_judge() {
    let server = Server::streaming(vec![say(&update(9_990, -86_400))]).await;
    let quote = heard(&server, PATIENT).await.said[0].clone().unwrap();
    assert_eq!(quote.updated_at, Timestamp::from_secs(NOW - 86_400));
}

#[tokio::test]
async fn a_stamp_of_the_future_does_not_shut_out_the_present() {
    assert_eq!(words(&[(9_990, 100_000), (9_980, 0), (9_970, 1), (9_960, -1)]).await, ["9990", "9980", "9970"]);
    assert_eq!(words(&[(9_990, 100_000), (9_990, 100_000)]).await, ["9990"], "a duplicate all the same");
}

#[tokio::test]
async fn each_connection_begins_anew() {
    let server = Server::streaming(vec![say(&update(9_990, -9))]).await;
    let feed = feed(&hermes(&server.base, PATIENT));
    for _ in 0..2 {
        assert_eq!(listen(&feed).await.words(), ["9990"]);
    }
}

#[tokio::test]
async fn what_is_refused_counts_as_heard() {
    // Out of bounds, and newer than what comes after it.
    assert_eq!(words(&[(30_000, -1), (9_990, -2), (9_980, 0)]).await, ["out_of_bounds", "9980"]);
}
