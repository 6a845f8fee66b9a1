//! The rules one by one, then all of them at once under random schedules.

use super::*;
use proptest::prelude::*;

const MINUTE: u64 = 60;

fn pool(name: &str) -> PoolId {
    PoolId::new(name)
}

fn episode(asset: &str, number: u64) -> EpisodeId {
    EpisodeId { asset: AssetId::new(asset), number }
}

fn policy() -> TurnPolicy {
    let spacing =
        PerClass { schedule: Duration::from_secs(45), ..PerClass::urgent_and(Duration::from_secs(10), Duration::from_secs(30)) };
    TurnPolicy::new(spacing, Duration::from_secs(10 * MINUTE))
}

/// Both clocks, `millis` after the start.
fn at(millis: u64) -> Now {
    Now { policy: Timestamp::from_millis(millis), machine: Duration::from_millis(millis) }
}

/// A flat cap of 30 gwei for a day.
fn cap(from: Timestamp) -> GasCap {
    let gwei = GasPrice::from_gwei(30);
    GasCap { from, until: from.plus(Duration::from_secs(24 * 60 * MINUTE)), low: gwei, high: gwei }
}

const CHEAP: Option<GasPrice> = Some(GasPrice::from_gwei(1));
const DEAR: Option<GasPrice> = Some(GasPrice::from_gwei(31));
const FRESH: LanesView = LanesView::only(LaneView::Idle { last_sent: None });
const CLOSED: LanesView = LanesView::only(LaneView::Closed);
const BUSY: LanesView = LanesView::only(LaneView::Busy { yields: false });

fn sent_at(millis: u64) -> LanesView {
    LanesView::only(LaneView::Idle { last_sent: Some(Timestamp::from_millis(millis)) })
}

fn ask(name: &str, class: Class, now: Now) -> Request {
    Request { pool: pool(name), class, episode: None, cap: cap(now.policy) }
}

fn protect(name: &str, episode: &EpisodeId, now: Now) -> Request {
    Request { episode: Some(episode.clone()), ..ask(name, Class::Depeg, now) }
}

fn names(grants: &[Grant]) -> Vec<&str> {
    grants.iter().map(|grant| grant.request.pool.as_str()).collect()
}

fn holders(turns: &mut Turns, asset: &str, pools: &[&str]) {
    let mut all = turns.holders.clone();
    all.insert(AssetId::new(asset), pools.iter().map(|name| pool(name)).collect());
    turns.set_holders(all);
}

/// Ends every turn of a look.
fn end(turns: &mut Turns, look: &Look) {
    for grant in &look.grants {
        assert!(turns.ended(grant.id));
    }
}

/// Lets every request through, one look at a time on a lane that never sends, and names the pools in order.
fn drain(turns: &mut Turns, now: Now) -> Vec<String> {
    let mut order = Vec::new();
    loop {
        let look = turns.look(now, FRESH, CHEAP);
        if look.grants.is_empty() {
            return order;
        }
        order.extend(names(&look.grants).into_iter().map(str::to_owned));
        end(turns, &look);
    }
}

#[test]
fn one_turn_at_a_time_and_only_on_an_idle_lane() {
    let mut turns = Turns::new(policy(), 7);
    for name in ["a", "b"] {
        assert_eq!(turns.request(at(0), ask(name, Class::Drift, at(0))), Requested::New);
    }
    assert!(turns.look(at(0), CLOSED, CHEAP).grants.is_empty());
    assert!(turns.look(at(0), BUSY, CHEAP).grants.is_empty());
    let look = turns.look(at(9), FRESH, CHEAP);
    assert_eq!(names(&look.grants), ["a"]);
    assert_eq!(look.grants[0].id, TurnId { epoch: 7, number: 1 });
    assert_eq!(look.grants[0].waited, Duration::from_millis(9));
    assert!(turns.look(at(9), FRESH, CHEAP).grants.is_empty(), "a turn is out");
    end(&mut turns, &look);
    assert_eq!(names(&turns.look(at(9), FRESH, CHEAP).grants), ["b"]);
}

#[test]
fn turns_are_spaced_from_the_last_send_by_class() {
    for (class, spacing) in [(Class::Drift, 30_000), (Class::Schedule, 45_000)] {
        let mut turns = Turns::new(policy(), 1);
        turns.request(at(1_000), ask("a", class, at(1_000)));
        let early = turns.look(at(1_000 + spacing - 1), sent_at(1_000), CHEAP);
        assert!(early.grants.is_empty());
        assert_eq!(early.wake.policy_at, Some(Timestamp::from_millis(1_000 + spacing)));
        assert_eq!(names(&turns.look(at(1_000 + spacing), sent_at(1_000), CHEAP).grants), ["a"]);
    }
    let mut turns = Turns::new(policy(), 1);
    turns.request(at(1_000), ask("a", Class::Depeg, at(1_000)));
    assert_eq!(names(&turns.look(at(1_000), sent_at(1_000), CHEAP).grants), ["a"], "protection is not spaced");
}

#[test]
fn depeg_before_drift_before_schedule_and_the_oldest_first() {
    let mut turns = Turns::new(policy(), 1);
    // Names run against the order, so that a map's order cannot pass for it.
    let asked = [("z", Class::Schedule), ("y", Class::Drift), ("x", Class::Drift), ("w", Class::Depeg), ("v", Class::Schedule)];
    for (name, class) in asked {
        turns.request(at(0), ask(name, class, at(0)));
    }
    assert_eq!(drain(&mut turns, at(0)), ["w", "y", "x", "z", "v"]);
}

#[test]
fn age_lifts_by_one_class_but_never_to_a_depeg() {
    let later = at(10 * MINUTE * 1_000);
    let mut turns = Turns::new(policy(), 1);
    turns.request(at(0), ask("old", Class::Schedule, at(0)));
    turns.request(at(1), ask("newer", Class::Schedule, at(1)));
    turns.request(at(2), ask("yield", Class::Yield, at(2)));
    turns.request(later, ask("depeg", Class::Depeg, later));
    assert_eq!(drain(&mut turns, later), ["depeg", "old", "yield", "newer"], "one millisecond short of the age is not lifted");

    let much_later = at(100 * MINUTE * 1_000);
    turns.request(at(0), ask("old", Class::Schedule, at(0)));
    turns.request(much_later, ask("depeg", Class::Depeg, much_later));
    assert_eq!(drain(&mut turns, much_later), ["depeg", "old"]);
}

#[test]
fn without_an_age_the_calendar_counts_as_drift_at_once() {
    let mut turns = Turns::new(TurnPolicy { ageing: Duration::ZERO, ..policy() }, 1);
    turns.request(at(0), ask("calendar", Class::Schedule, at(0)));
    turns.request(at(1), ask("drift", Class::Drift, at(1)));
    assert_eq!(drain(&mut turns, at(1)), ["calendar", "drift"]);
}

#[test]
fn the_first_in_order_sets_the_spacing() {
    let mut turns = Turns::new(policy(), 1);
    let now = at(20 * MINUTE * 1_000);
    turns.request(at(0), ask("aged", Class::Schedule, at(0)));
    turns.request(now, ask("drift", Class::Drift, now));
    let sent = sent_at(now.policy.millis() - 30_000);
    let look = turns.look(now, sent, CHEAP);
    assert!(look.grants.is_empty(), "drift's 30 s are over, but the aged request is first and needs 45 s");
    let then = at(now.policy.millis() + 15_000);
    assert_eq!(look.wake.policy_at, Some(then.policy));
    assert_eq!(names(&turns.look(then, sent, CHEAP).grants), ["aged"]);
}

#[test]
fn a_look_is_due_when_age_changes_the_order() {
    let spacing = PerClass { schedule: Duration::from_secs(1), ..policy().spacing };
    let mut turns = Turns::new(TurnPolicy { spacing, ..policy() }, 1);
    let lifted = at(10 * MINUTE * 1_000);
    let now = at(lifted.policy.millis() - 5_000);
    turns.request(at(0), ask("calendar", Class::Schedule, at(0)));
    turns.request(at(1), ask("yield", Class::Yield, at(1)));
    let sent = sent_at(now.policy.millis() - 10_000);
    assert_eq!(turns.look(now, sent, CHEAP).wake.policy_at, Some(lifted.policy));
    assert_eq!(names(&turns.look(lifted, sent, CHEAP).grants), ["calendar"]);
}

#[test]
fn gas_holds_an_item_and_the_others_pass_it() {
    let mut turns = Turns::new(policy(), 1);
    let poor = GasCap { low: GasPrice::from_gwei(5), high: GasPrice::from_gwei(5), ..cap(at(0).policy) };
    turns.request(at(0), Request { cap: poor, ..protect("poor", &episode("USDC", 1), at(0)) });
    turns.request(at(1), ask("rich", Class::Schedule, at(1)));
    let gas = Some(GasPrice::from_gwei(30));
    let look = turns.look(at(1), FRESH, gas);
    assert_eq!(names(&look.grants), ["rich"], "exactly the cap is acceptable, and a held depeg blocks nobody");
    assert_eq!(look.held_for_gas, [pool("poor")]);
    end(&mut turns, &look);
    assert_eq!(turns.view(at(1).policy).held_for_gas, 1);
    assert!(turns.look(at(2), FRESH, gas).held_for_gas.is_empty(), "reported once");
    assert_eq!(names(&turns.look(at(30), FRESH, CHEAP).grants), ["poor"], "and served when gas falls");
}

#[test]
fn a_hold_is_reported_again_after_gas_was_acceptable() {
    let mut turns = Turns::new(policy(), 1);
    turns.request(at(0), ask("a", Class::Drift, at(0)));
    for (gas, reported) in [(None, true), (DEAR, false), (CHEAP, false), (DEAR, true), (None, false)] {
        let look = turns.look(at(0), BUSY, gas);
        assert_eq!(!look.held_for_gas.is_empty(), reported, "{gas:?}");
    }
    assert!(turns.look(at(0), FRESH, None).grants.is_empty(), "an unknown price holds");
}

#[test]
fn a_rising_cap_wakes_the_queue_when_it_meets_the_price() {
    let mut turns = Turns::new(policy(), 1);
    let until = Timestamp::from_secs(100);
    let rising = GasCap { from: at(0).policy, until, low: GasPrice::from_gwei(30), high: GasPrice::from_gwei(330) };
    turns.request(at(0), Request { cap: rising, ..ask("a", Class::Drift, at(0)) });
    let price = |gwei| Some(GasPrice::from_gwei(gwei));
    // At half the time the cap is 105 gwei: 30 + 300 / 4. Who is held goes on a tenth below it.
    let price_at_half = Some(GasPrice::from_wei(94_500_000_000));
    assert_eq!(turns.look(at(0), FRESH, price_at_half).wake.policy_at, Some(Timestamp::from_secs(50)));
    assert!(turns.look(at(49_999), FRESH, price_at_half).grants.is_empty());
    assert_eq!(turns.look(at(0), FRESH, price(330)).wake.policy_at, Some(until), "never before the deadline: wake to expire");
    assert_eq!(names(&turns.look(at(50_000), FRESH, price_at_half).grants), ["a"]);
}

#[test]
fn what_runs_out_of_time_leaves_with_a_report() {
    let mut turns = Turns::new(policy(), 1);
    let request =
        Request { cap: GasCap { until: Timestamp::from_secs(60), ..cap(at(0).policy) }, ..ask("a", Class::Drift, at(0)) };
    turns.request(at(0), request.clone());
    let look = turns.look(at(59_999), BUSY, DEAR);
    assert!(look.expired.is_empty());
    assert_eq!(look.wake.policy_at, Some(Timestamp::from_secs(60)));
    let look = turns.look(at(60_000), FRESH, CHEAP);
    assert_eq!((look.expired, look.grants), (vec![request], vec![]), "at the deadline it is too late");
    assert!(turns.look(at(60_000), FRESH, CHEAP).expired.is_empty());
}

#[test]
fn a_batch_closes_when_every_holder_has_answered() {
    let mut turns = Turns::new(policy(), 1);
    let usdc = episode("USDC", 1);
    holders(&mut turns, "USDC", &["a", "b", "c", "d"]);
    turns.decline(pool("b"), &usdc);
    turns.request(at(0), ask("bystander", Class::Drift, at(0)));
    turns.request(at(1), protect("a", &usdc, at(1)));
    turns.request(at(2), protect("c", &usdc, at(2)));
    let look = turns.look(at(3), FRESH, CHEAP);
    assert!(look.grants.is_empty(), "d has not answered; nor does a drift go before a depeg");
    assert_eq!(look.wake.machine_at, Some(Duration::from_millis(21)), "the window opens with the first request");
    turns.decline(pool("d"), &usdc);
    let look = turns.look(at(4), FRESH, CHEAP);
    assert_eq!(names(&look.grants), ["a", "c"]);
    assert_eq!(look.grants.iter().map(|grant| grant.id.number).collect::<Vec<_>>(), [1, 2]);
    assert!(turns.ended(look.grants[0].id));
    assert!(turns.look(at(5), FRESH, CHEAP).grants.is_empty(), "the rest of the batch is still out");
    assert!(turns.ended(look.grants[1].id));
    assert_eq!(names(&turns.look(at(6), FRESH, CHEAP).grants), ["bystander"]);
}

#[test]
fn a_batch_closes_after_its_window_of_machine_time() {
    let mut turns = Turns::new(policy(), 1);
    let usdc = episode("USDC", 1);
    holders(&mut turns, "USDC", &["a", "b", "silent"]);
    turns.request(at(100), protect("a", &usdc, at(100)));
    turns.request(at(119), protect("b", &usdc, at(119)));
    let hours_of_policy_time = Now { policy: Timestamp::from_secs(7_200), machine: Duration::from_millis(119) };
    assert!(turns.look(hours_of_policy_time, FRESH, CHEAP).grants.is_empty(), "the policy clock does not close a batch");
    assert_eq!(names(&turns.look(at(120), FRESH, CHEAP).grants), ["a", "b"]);
}

#[test]
fn without_known_holders_a_batch_waits_for_its_window() {
    let mut turns = Turns::new(policy(), 1);
    turns.request(at(0), protect("a", &episode("USDC", 1), at(0)));
    assert!(turns.look(at(19), FRESH, CHEAP).grants.is_empty());
    assert_eq!(names(&turns.look(at(20), FRESH, CHEAP).grants), ["a"]);
}

#[test]
fn only_a_protective_request_for_the_episode_is_an_answer() {
    let (usdc, dai) = (episode("USDC", 1), episode("DAI", 1));
    for other in [ask("b", Class::Drift, at(0)), protect("b", &dai, at(0)), protect("b", &episode("USDC", 2), at(0))] {
        let mut turns = Turns::new(policy(), 1);
        holders(&mut turns, "USDC", &["a", "b"]);
        turns.request(at(0), protect("a", &usdc, at(0)));
        turns.request(at(0), other);
        assert!(turns.look(at(1), FRESH, CHEAP).grants.is_empty());
        assert_eq!(names(&turns.look(at(20), FRESH, CHEAP).grants), ["a"], "and b's is another batch");
    }
}

#[test]
fn who_asks_while_the_batch_is_out_joins_the_following_one() {
    let mut turns = Turns::new(policy(), 1);
    let usdc = episode("USDC", 1);
    turns.request(at(0), protect("a", &usdc, at(0)));
    let first = turns.look(at(20), FRESH, CHEAP);
    for (name, now) in [("b", at(21)), ("c", at(35))] {
        turns.request(now, protect(name, &usdc, now));
    }
    assert!(turns.look(at(36), FRESH, CHEAP).grants.is_empty());
    end(&mut turns, &first);
    assert!(turns.look(at(40), FRESH, CHEAP).grants.is_empty(), "the following batch has its own window");
    assert_eq!(names(&turns.look(at(41), FRESH, CHEAP).grants), ["b", "c"]);
}

#[test]
fn episodes_take_turns_and_the_older_batch_goes_first() {
    let mut turns = Turns::new(policy(), 1);
    let (usdc, dai) = (episode("USDC", 3), episode("DAI", 1));
    for (name, episode) in [("z", &usdc), ("a", &dai), ("y", &usdc), ("b", &dai)] {
        turns.request(at(0), protect(name, episode, at(0)));
    }
    let first = turns.look(at(20), FRESH, CHEAP);
    assert_eq!(names(&first.grants), ["z", "y"]);
    assert!(turns.look(at(99), FRESH, CHEAP).grants.is_empty());
    end(&mut turns, &first);
    assert_eq!(names(&turns.look(at(99), FRESH, CHEAP).grants), ["a", "b"]);
}

#[test]
fn a_member_that_gas_holds_up_neither_joins_nor_delays_nor_hurries_the_batch() {
    let mut turns = Turns::new(policy(), 1);
    let usdc = episode("USDC", 1);
    holders(&mut turns, "USDC", &["a", "b", "poor"]);
    let poor = GasCap { low: GasPrice::from_gwei(1), high: GasPrice::from_gwei(1), ..cap(at(0).policy) };
    turns.request(at(0), Request { cap: poor, ..protect("poor", &usdc, at(0)) });
    let gas = Some(GasPrice::from_gwei(20));
    assert!(turns.look(at(500), FRESH, gas).grants.is_empty());
    turns.request(at(1_000), protect("a", &usdc, at(1_000)));
    assert!(turns.look(at(1_019), FRESH, gas).grants.is_empty(), "the window is a's, not that of the one held since long ago");
    turns.request(at(1_019), protect("b", &usdc, at(1_019)));
    let batch = turns.look(at(1_019), FRESH, gas);
    assert_eq!(names(&batch.grants), ["a", "b"], "the held one has answered all the same");
    end(&mut turns, &batch);
    assert!(turns.look(at(1_020), FRESH, CHEAP).grants.is_empty(), "exactly the cap is not enough for one that was held");
    let cheaper = Some(GasPrice::from_wei(900_000_000));
    assert_eq!(names(&turns.look(at(1_020), FRESH, cheaper).grants), ["poor"]);
}

#[test]
fn declines_belong_to_one_batch_of_the_newest_episode() {
    let mut turns = Turns::new(policy(), 1);
    holders(&mut turns, "USDC", &["a", "b"]);
    let granted_at_once = |turns: &mut Turns, number| {
        turns.request(at(0), protect("a", &episode("USDC", number), at(0)));
        let look = turns.look(at(1), FRESH, CHEAP);
        end(turns, &look);
        turns.withdraw(&pool("a"));
        !look.grants.is_empty()
    };
    turns.decline(pool("b"), &episode("USDC", 2));
    assert!(!granted_at_once(&mut turns, 1), "a decline answers for its own episode only");
    turns.decline(pool("b"), &episode("USDC", 1));
    assert!(!granted_at_once(&mut turns, 1), "the decline of an episode that is past is too late");
    assert!(granted_at_once(&mut turns, 2), "and does not displace the newer one");
    turns.decline(pool("x"), &episode("USDC", 2));
    turns.decline(pool("b"), &episode("USDC", 1));
    assert!(!granted_at_once(&mut turns, 2), "the next batch asks afresh");
    turns.decline(pool("b"), &episode("USDC", 2));
    turns.decline(pool("x"), &episode("USDC", 3));
    assert!(!granted_at_once(&mut turns, 3), "a newer episode forgets the answers to the older");
}

#[test]
fn a_second_request_merges_and_the_more_urgent_wins() {
    let (early, late) = (at(1_000), at(5_000));
    let usdc = episode("USDC", 1);
    let (drift, depeg) = (ask("a", Class::Drift, early), protect("a", &usdc, late));
    // Whichever comes first, the depeg stands, with its own cap.
    for (first, second) in [(&drift, &depeg), (&depeg, &drift)] {
        let mut turns = Turns::new(policy(), 1);
        assert_eq!(turns.request(early, first.clone()), Requested::New);
        assert_eq!(turns.request(late, second.clone()), Requested::Merged);
        let look = turns.look(at(5_020), FRESH, CHEAP);
        assert_eq!(look.grants.len(), 1);
        assert_eq!(look.grants[0].request, depeg);
        assert_eq!(look.grants[0].waited, Duration::from_millis(4_020), "waiting time is kept");
        end(&mut turns, &look);
        assert!(turns.look(at(5_020), FRESH, CHEAP).grants.is_empty(), "one request, not two");
    }
}

#[test]
fn a_request_that_turns_protective_opens_a_fresh_window() {
    let mut turns = Turns::new(policy(), 1);
    turns.request(at(0), ask("a", Class::Drift, at(0)));
    turns.request(at(1_000), protect("a", &episode("USDC", 1), at(1_000)));
    assert!(turns.look(at(1_019), FRESH, CHEAP).grants.is_empty());
    turns.request(at(1_019), protect("a", &episode("USDC", 1), at(1_019)));
    assert_eq!(names(&turns.look(at(1_020), FRESH, CHEAP).grants), ["a"], "asking for the same again does not");
}

#[test]
fn asking_again_keeps_the_earlier_start_and_deadline() {
    let mut turns = Turns::new(policy(), 1);
    let first = cap(at(0).policy);
    let newer = GasCap { low: GasPrice::from_gwei(40), high: GasPrice::from_gwei(50), ..cap(at(5_000).policy) };
    turns.request(at(0), Request { cap: first, ..ask("a", Class::Drift, at(0)) });
    turns.request(at(5_000), Request { cap: newer, ..ask("a", Class::Drift, at(5_000)) });
    let grants = turns.look(at(5_000), FRESH, CHEAP).grants;
    assert_eq!(grants[0].request.cap, GasCap { low: newer.low, high: newer.high, ..first });

    let mut turns = Turns::new(policy(), 1);
    let shorter = GasCap { until: Timestamp::from_secs(60), ..newer };
    turns.request(at(0), Request { cap: first, ..ask("a", Class::Drift, at(0)) });
    turns.request(at(5_000), Request { cap: shorter, ..ask("a", Class::Drift, at(5_000)) });
    assert_eq!(turns.look(at(5_000), FRESH, CHEAP).grants[0].request.cap.until, shorter.until);
}

#[test]
fn a_pool_that_holds_a_turn_is_served_again_afterwards() {
    let mut turns = Turns::new(policy(), 1);
    turns.request(at(0), ask("a", Class::Drift, at(0)));
    let first = turns.look(at(0), FRESH, CHEAP);
    assert_eq!(turns.request(at(1), ask("a", Class::Drift, at(1))), Requested::New);
    assert!(turns.look(at(1), FRESH, CHEAP).grants.is_empty());
    end(&mut turns, &first);
    let second = turns.look(at(2), FRESH, CHEAP);
    assert_eq!(names(&second.grants), ["a"]);
    assert_ne!(second.grants[0].id, first.grants[0].id);
}

#[test]
fn a_withdrawn_request_is_gone() {
    let mut turns = Turns::new(policy(), 1);
    turns.request(at(0), ask("a", Class::Drift, at(0)));
    assert!(turns.withdraw(&pool("a")));
    assert!(!turns.withdraw(&pool("a")));
    assert!(turns.look(at(0), FRESH, CHEAP).grants.is_empty());
}

#[test]
fn a_turn_that_does_not_reach_execute_is_overdue_once_and_stays_out() {
    let mut turns = Turns::new(policy(), 1);
    turns.request(at(0), ask("a", Class::Drift, at(0)));
    turns.request(at(0), ask("b", Class::Drift, at(0)));
    let granted = turns.look(at(0), FRESH, CHEAP);
    assert_eq!(granted.wake.machine_at, Some(Duration::from_secs(5)));
    let only_policy_time = Now { policy: Timestamp::from_secs(9_999), machine: Duration::from_millis(4_999) };
    assert!(turns.look(only_policy_time, FRESH, CHEAP).overdue.is_empty(), "five seconds of machine time");
    assert_eq!(turns.look(at(5_000), FRESH, CHEAP).overdue, granted.grants);
    let after = turns.look(at(60_000), FRESH, CHEAP);
    assert!(after.overdue.is_empty() && after.grants.is_empty(), "reported once, and freed by nobody but its holder");
    assert_eq!(after.wake.machine_at, None);
    end(&mut turns, &granted);
    assert_eq!(names(&turns.look(at(60_000), FRESH, CHEAP).grants), ["b"]);
}

#[test]
fn a_turn_that_executes_has_no_limit() {
    let mut turns = Turns::new(policy(), 1);
    turns.request(at(0), ask("a", Class::Drift, at(0)));
    let id = turns.look(at(0), FRESH, CHEAP).grants[0].id;
    assert!(turns.executing(id));
    let look = turns.look(at(600_000), BUSY, CHEAP);
    assert!(look.overdue.is_empty());
    assert_eq!(look.wake.machine_at, None);
    assert!(turns.ended(id));
    assert!(!turns.ended(id), "a turn ends once");
    assert!(!turns.executing(id));
}

#[test]
fn a_new_epoch_knows_no_turn_of_the_old_one() {
    let mut old = Turns::new(policy(), 1);
    old.request(at(0), ask("a", Class::Drift, at(0)));
    let before = old.look(at(0), FRESH, CHEAP).grants[0].id;

    let mut turns = Turns::new(policy(), 2);
    turns.request(at(0), ask("b", Class::Drift, at(0)));
    assert!(turns.look(at(1), BUSY, CHEAP).grants.is_empty());
    let grant = turns.look(at(2), FRESH, CHEAP).grants.remove(0);
    assert_eq!(grant.id.number, before.number, "only the epoch tells them apart");
    assert!(!turns.executing(before));
    assert!(!turns.ended(before));
    assert_eq!(turns.view(at(2).policy).outstanding, [grant.id]);
}

#[test]
fn the_view_counts_what_waits_and_what_is_out() {
    let mut turns = Turns::new(policy(), 1);
    turns.request(at(0), ask("a", Class::Drift, at(0)));
    let grant = turns.look(at(0), FRESH, CHEAP).grants.remove(0);
    turns.request(at(1_000), ask("b", Class::Schedule, at(1_000)));
    turns.request(at(2_000), ask("c", Class::Schedule, at(2_000)));
    turns.request(at(2_000), ask("d", Class::Depeg, at(2_000)));
    let expected = TurnsView {
        waiting: PerClass { depeg: 1, schedule: 2, ..PerClass::urgent_and(0, 0) },
        held_for_gas: 0,
        outstanding: vec![grant.id],
        oldest_wait: Some(Duration::from_secs(4)),
    };
    assert_eq!(turns.view(Timestamp::from_secs(5)), expected);
    assert_eq!(Turns::new(policy(), 1).view(Timestamp::from_secs(5)).oldest_wait, None);
}

/// One thing that happens to the queue.
#[derive(Clone, Debug)]
enum Event {
    Request { pool: usize, class: usize, episode: usize, cap_gwei: u64, rise_gwei: u64, deadline_secs: u64 },
    Decline { pool: usize, episode: usize },
    Withdraw { pool: usize },
    Holders { asset: usize, count: usize },
    Advance { policy_ms: u64, machine_ms: u64 },
    Gas(Option<u64>),
    Execute(usize),
    End(usize),
    Recovering(bool),
    Crash,
}

const POOLS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
const ASSETS: [&str; 2] = ["USDC", "DAI"];

fn event() -> impl Strategy<Value = Event> {
    let deadline = prop_oneof![1 => 1..120u64, 2 => Just(36_000u64)];
    let request = (0..6usize, 0..3usize, 0..4usize, 10..60u64, 0..100u64, deadline);
    prop_oneof![
        6 => request.prop_map(|(pool, class, episode, cap_gwei, rise_gwei, deadline_secs)| {
            Event::Request { pool, class, episode, cap_gwei, rise_gwei, deadline_secs }
        }),
        1 => (0..6usize, 0..4usize).prop_map(|(pool, episode)| Event::Decline { pool, episode }),
        1 => (0..6usize).prop_map(|pool| Event::Withdraw { pool }),
        1 => (0..2usize, 0..5usize).prop_map(|(asset, count)| Event::Holders { asset, count }),
        6 => (prop_oneof![Just(0), 0..40u64, 0..60_000u64], prop_oneof![Just(0), 0..40u64, 0..7_000u64])
            .prop_map(|(policy_ms, machine_ms)| Event::Advance { policy_ms, machine_ms }),
        2 => prop::option::weighted(0.8, 0..90u64).prop_map(Event::Gas),
        4 => (0..6usize).prop_map(Event::Execute),
        4 => (0..6usize).prop_map(Event::End),
        1 => any::<bool>().prop_map(Event::Recovering),
        1 => Just(Event::Crash),
    ]
}

/// A request as the world remembers it.
#[derive(Clone, Debug)]
struct Live {
    request: Request,
    since: Timestamp,
    /// Machine time of its last change.
    changed: Duration,
}

/// A turn that some pool holds.
#[derive(Clone, Debug)]
struct Out {
    grant: Grant,
    at: Duration,
    in_flight: bool,
    reported: bool,
}

/// Pools, a lane and a price around a queue, with its own simple memory of what should be where.
struct World {
    turns: Turns,
    epoch: u64,
    now: Now,
    gas: Option<GasPrice>,
    recovering: bool,
    last_sent: Option<Timestamp>,
    live: BTreeMap<PoolId, Live>,
    held: BTreeSet<PoolId>,
    out: Vec<Out>,
    last_number: u64,
    wake: Wake,
}

impl World {
    fn new() -> Self {
        Self {
            turns: Turns::new(policy(), 1),
            epoch: 1,
            now: at(1_000_000),
            gas: None,
            recovering: false,
            last_sent: None,
            live: BTreeMap::new(),
            held: BTreeSet::new(),
            out: Vec::new(),
            last_number: 0,
            wake: Wake::default(),
        }
    }

    /// Only what is in flight makes a lane busy: a turn of a crashed queue that has not reached Execute is invisible to it.
    fn lane(&self) -> LaneView {
        let mut in_flight = self.out.iter().filter(|out| out.in_flight).peekable();
        match (self.recovering, in_flight.peek().is_some()) {
            (true, _) => LaneView::Closed,
            (false, true) => LaneView::Busy { yields: in_flight.all(|out| !out.grant.request.class.is_protective()) },
            (false, false) => LaneView::Idle { last_sent: self.last_sent },
        }
    }

    /// What is out of this epoch has been sent for a lesser cause.
    fn all_give_way(&self) -> bool {
        let ours = self.out.iter().filter(|out| out.grant.id.epoch == self.epoch);
        ours.into_iter().all(|out| out.in_flight && !out.grant.request.class.is_protective())
    }

    fn ours(&self) -> Vec<TurnId> {
        self.out.iter().map(|out| out.grant.id).filter(|id| id.epoch == self.epoch).collect()
    }

    fn affordable(&self, request: &Request) -> bool {
        !self.held.contains(&request.pool)
    }

    /// The price at which a request may go: who was held needs a tenth less than its cap.
    fn is_cheap_for(&self, request: &Request) -> bool {
        let cap = request.cap.at(self.now.policy).wei();
        let limit = if self.held.contains(&request.pool) { cap - cap.div_ceil(10) } else { cap };
        self.gas.is_some_and(|gas| gas.wei() <= limit)
    }

    fn happen(&mut self, event: &Event) {
        let mut quiet = false;
        match event {
            Event::Request { pool: index, class, episode: which, cap_gwei, rise_gwei, deadline_secs } => {
                let request = Request {
                    pool: pool(POOLS[*index]),
                    class: Class::ALL[*class],
                    // The last choice has no episode.
                    episode: [episode("USDC", 1), episode("USDC", 2), episode("DAI", 1)].get(*which).cloned(),
                    cap: GasCap {
                        from: self.now.policy,
                        until: self.now.policy.plus(Duration::from_secs(*deadline_secs)),
                        low: GasPrice::from_gwei(*cap_gwei),
                        high: GasPrice::from_gwei(cap_gwei + rise_gwei),
                    },
                };
                self.request(request);
            }
            Event::Decline { pool: index, episode: which } => {
                if let Some(episode) = [episode("USDC", 1), episode("USDC", 2), episode("DAI", 1)].get(*which) {
                    self.turns.decline(pool(POOLS[*index]), episode);
                }
            }
            Event::Withdraw { pool: index } => {
                let id = pool(POOLS[*index]);
                assert_eq!(self.turns.withdraw(&id), self.live.remove(&id).is_some());
                self.held.remove(&id);
            }
            Event::Holders { asset, count } => holders(&mut self.turns, ASSETS[*asset], &POOLS[..*count]),
            Event::Advance { policy_ms, machine_ms } => {
                self.now.policy = self.now.policy.plus(Duration::from_millis(*policy_ms));
                self.now.machine += Duration::from_millis(*machine_ms);
                quiet = self.wake.policy_at.is_none_or(|at| self.now.policy < at)
                    && self.wake.machine_at.is_none_or(|at| self.now.machine < at);
            }
            Event::Gas(gwei) => self.gas = gwei.map(GasPrice::from_gwei),
            Event::Execute(index) => self.execute(*index),
            Event::End(index) => self.end(*index),
            Event::Recovering(recovering) => self.recovering = *recovering,
            Event::Crash => self.crash(),
        }
        let look = self.look();
        if quiet {
            assert!(look.grants.is_empty() && look.expired.is_empty() && look.overdue.is_empty(), "woken too late: {look:?}");
        }
    }

    fn request(&mut self, request: Request) {
        let known = self.live.get_mut(&request.pool);
        let expected = if known.is_some() { Requested::Merged } else { Requested::New };
        match known {
            None => {
                let live = Live { request: request.clone(), since: self.now.policy, changed: self.now.machine };
                self.live.insert(request.pool.clone(), live);
            }
            Some(live) if request.class <= live.request.class => {
                let mut wins = request.clone();
                if wins.class == live.request.class {
                    wins.cap.from = live.request.cap.from;
                    wins.cap.until = wins.cap.until.min(live.request.cap.until);
                }
                live.request = wins;
                live.changed = self.now.machine;
            }
            Some(_) => {}
        }
        assert_eq!(self.turns.request(self.now, request), expected);
    }

    /// The executor takes a plan under a turn of this epoch and sends; under an older one it refuses, which drops the turn.
    fn execute(&mut self, index: usize) {
        let Some(index) = index.checked_rem(self.out.len()) else { return };
        let ours = self.out[index].grant.id.epoch == self.epoch;
        assert_eq!(self.turns.executing(self.out[index].grant.id), ours);
        if ours {
            self.out[index].in_flight = true;
            self.last_sent = Some(self.now.policy);
        } else if !self.out[index].in_flight {
            self.end(index);
        }
    }

    fn end(&mut self, index: usize) {
        let Some(index) = index.checked_rem(self.out.len()) else { return };
        let out = self.out.remove(index);
        assert_eq!(self.turns.ended(out.grant.id), out.grant.id.epoch == self.epoch);
        assert!(!self.turns.ended(out.grant.id), "a turn ends once");
    }

    /// A new queue, and the pools that wait ask again.
    fn crash(&mut self) {
        self.epoch += 1;
        self.turns = Turns::new(policy(), self.epoch);
        self.last_number = 0;
        self.held.clear();
        for live in std::mem::take(&mut self.live).into_values() {
            self.request(live.request);
        }
    }

    fn look(&mut self) -> Look {
        let (lane, out_before) = (self.lane(), self.ours());
        let gives_way = self.all_give_way();
        let look = self.turns.look(self.now, LanesView::only(lane), self.gas);
        self.check_departures(&look);
        if look.grants.is_empty() {
            self.check_that_nothing_could_go(lane, &out_before, gives_way);
        } else {
            self.check_grants(&look.grants, lane, &out_before, gives_way);
        }
        self.check_overdue(&look);
        self.check_view();
        assert!(look.wake.policy_at.is_none_or(|at| at > self.now.policy), "a wake in the past is a busy loop");
        assert!(look.wake.machine_at.is_none_or(|at| at > self.now.machine), "a wake in the past is a busy loop");
        self.wake = look.wake;
        look
    }

    fn check_departures(&mut self, look: &Look) {
        let now = self.now.policy;
        let gone: Vec<Request> =
            self.live.extract_if(.., |_, live| live.request.cap.until <= now).map(|(_, live)| live.request).collect();
        assert_eq!(look.expired, gone);
        let held: BTreeSet<PoolId> =
            self.live.values().filter(|live| !self.is_cheap_for(&live.request)).map(|live| live.request.pool.clone()).collect();
        self.held.retain(|pool| held.contains(pool));
        assert_eq!(look.held_for_gas, held.difference(&self.held).cloned().collect::<Vec<_>>());
        self.held = held;
    }

    fn check_grants(&mut self, grants: &[Grant], lane: LaneView, out_before: &[TurnId], gives_way: bool) {
        let first = &grants[0].request;
        if first.class.is_protective() {
            assert!(gives_way, "a defence goes beside lesser turns that are sent, and beside nothing else");
            assert!(LanesView::only(lane).open_to_protection());
            assert!(grants.len() == 1 || first.episode.is_some());
            assert!(grants.iter().all(|grant| grant.request.class.is_protective() && grant.request.episode == first.episode));
        } else {
            assert!(out_before.is_empty(), "granted beside a turn that is out");
            let LaneView::Idle { last_sent } = lane else { panic!("granted on a lane that is not idle") };
            assert_eq!(grants.len(), 1, "only protection is granted in batches");
            let due = last_sent.map(|sent| sent.plus(*policy().spacing.get(first.class)));
            assert!(due.is_none_or(|due| self.now.policy >= due), "not spaced");
            let protective = self.live.values().find(|live| live.request.class.is_protective() && self.affordable(&live.request));
            assert!(protective.is_none(), "passed a depeg: {protective:?}");
        }
        for grant in grants {
            let live = self.live.remove(&grant.request.pool).expect("granted a request that nobody made");
            assert_eq!(grant.request, live.request);
            assert_eq!(grant.waited, self.now.policy.since(live.since));
            assert!(self.affordable(&grant.request), "granted at a price above its cap");
            assert_eq!(grant.id.epoch, self.epoch);
            assert!(grant.id.number > self.last_number, "a name given twice");
            self.last_number = grant.id.number;
            self.out.push(Out { grant: grant.clone(), at: self.now.machine, in_flight: false, reported: false });
        }
        if first.episode.is_some() && first.class.is_protective() {
            let left = self.live.values().find(|live| {
                live.request.class.is_protective() && live.request.episode == first.episode && self.affordable(&live.request)
            });
            assert!(left.is_none(), "left out of its batch: {left:?}");
        }
    }

    fn check_that_nothing_could_go(&self, lane: LaneView, out_before: &[TurnId], gives_way: bool) {
        let single = match lane {
            LaneView::Idle { last_sent } if out_before.is_empty() => Some(last_sent),
            _ if gives_way && LanesView::only(lane).open_to_protection() => None,
            _ => return,
        };
        let ready: Vec<&Live> = self.live.values().filter(|live| self.affordable(&live.request)).collect();
        let window = policy().batch_window;
        let protective: Vec<&&Live> = ready.iter().filter(|live| live.request.class.is_protective()).collect();
        let waits = |live: &Live| live.request.episode.is_some() && self.now.machine < live.changed + window;
        assert!(protective.iter().all(|live| waits(live)), "a depeg must pass: {protective:?}");
        let Some(last_sent) = single else { return };
        let longest = last_sent.map(|sent| sent.plus(Duration::from_secs(45)));
        if protective.is_empty() && longest.is_none_or(|due| self.now.policy >= due) {
            assert!(ready.is_empty(), "something blocks: {ready:?}");
        }
    }

    fn check_overdue(&mut self, look: &Look) {
        let mut overdue = Vec::new();
        for out in self.out.iter_mut().filter(|out| out.grant.id.epoch == self.epoch && !out.in_flight && !out.reported) {
            if self.now.machine >= out.at + policy().reach_execute_within {
                out.reported = true;
                overdue.push(out.grant.clone());
            }
        }
        assert_eq!(look.overdue, overdue);
    }

    fn check_view(&self) {
        let view = self.turns.view(self.now.policy);
        for class in Class::ALL {
            let waiting = self.live.values().filter(|live| live.request.class == class).count();
            assert_eq!(*view.waiting.get(class), waiting, "a request was lost or doubled");
        }
        assert_eq!(view.outstanding, self.ours(), "a turn was freed under its holder, or lost");
        assert_eq!(view.held_for_gas, self.held.len());
    }

    /// Quiet time: every turn ends, the lane is idle, gas costs next to nothing, and nobody looks unless woken.
    fn quiet_time(&mut self) {
        self.recovering = false;
        self.gas = Some(GasPrice::from_gwei(1));
        // Six requests with at most 45 s between them, a batch window each.
        let patient = self.now.policy.plus(Duration::from_secs(6 * 45 + 1));
        for _ in 0..100 {
            while !self.out.is_empty() {
                self.execute(0);
                if !self.out.is_empty() {
                    self.end(0);
                }
            }
            let look = self.look();
            for request in &look.expired {
                assert!(request.cap.until <= patient, "expired instead of being served: {request:?}");
            }
            if look.grants.is_empty() {
                match look.wake {
                    Wake { machine_at: Some(machine), .. } => self.now.machine = machine,
                    Wake { policy_at: Some(policy), .. } => self.now.policy = policy,
                    Wake { policy_at: None, machine_at: None } => break,
                }
            }
        }
        assert!(self.live.is_empty(), "stuck for ever: {:?}", self.live);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Never two turns but in one batch, never a request lost, spacing kept, held items passed, depegs first, every wake in time,
    /// and an empty queue after quiet time: the world checks all of it after every event.
    #[test]
    fn the_promises_hold_whatever_happens(events in prop::collection::vec(event(), 1..120)) {
        let mut world = World::new();
        for event in &events {
            world.happen(event);
        }
        world.quiet_time();
    }

    #[test]
    fn a_cap_reaches_a_price_at_the_first_millisecond_that_it_allows(
        low in 0..100u64, rise in 0..100u64, from in 0..10_000u64, lasts in 1..10_000u64, now in 0..20_000u64, gas in 0..220u64,
    ) {
        let cap = GasCap {
            from: Timestamp::from_millis(from),
            until: Timestamp::from_millis(from + lasts),
            low: GasPrice::from_gwei(low),
            high: GasPrice::from_gwei(low + rise),
        };
        let (now, gas) = (Timestamp::from_millis(now), GasPrice::from_gwei(gas));
        let clears = |at: &Timestamp| below_by_a_tenth(cap.at(*at)) >= gas;
        prop_assume!(!clears(&now));
        let by_hand = (now.millis() + 1..cap.until.millis()).map(Timestamp::from_millis).find(clears);
        prop_assert_eq!(cap_clears(&cap, now, gas), by_hand);
    }
}
