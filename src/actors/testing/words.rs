//! What happened, in words.

use std::time::Duration;

use super::Events;
use crate::domain::decide::Decision;
use crate::domain::trigger::Class;
use crate::observe::Event;
use crate::observe::event::AttemptKind;

pub(crate) fn decided(event: &Event, name: &str, label: &str) -> bool {
    match event {
        Event::Decided { pool, decision: Decision::Hold(hold), .. } => pool.as_str() == name && hold.label() == label,
        Event::Decided { pool, decision: Decision::Act { trigger, .. }, .. } => {
            pool.as_str() == name && trigger.class().label() == label
        }
        _ => false,
    }
}

pub(crate) fn settled(event: &Event, name: &str, label: &str) -> bool {
    matches!(event, Event::Settled(order) if order.pool.as_str() == name && order.outcome.label() == label)
}

pub(crate) fn granted(event: &Event, name: &str) -> bool {
    matches!(event, Event::TurnGranted { pool, .. } if pool.as_str() == name)
}

pub(crate) fn requested(event: &Event, name: &str) -> bool {
    matches!(event, Event::TurnRequested { pool, .. } if pool.as_str() == name)
}

pub(crate) fn died(event: &Event, name: &str) -> bool {
    matches!(event, Event::ActorDied { actor, .. } if actor == name)
}

pub(crate) fn restarted(event: &Event, name: &str) -> bool {
    matches!(event, Event::ActorRestarted { actor, .. } if actor == name)
}

pub(crate) fn first_sent(event: &Event, name: &str) -> bool {
    matches!(event, Event::TxSent { pool, kind: AttemptKind::First, .. } if pool.as_str() == name)
}

/// All first attempts: when, whose, for what.
pub(crate) fn sends(events: &Events) -> Vec<(Duration, (String, Class))> {
    events.pick(|event| match event {
        Event::TxSent { pool, class, kind: AttemptKind::First, .. } => Some((pool.as_str().to_owned(), *class)),
        _ => None,
    })
}
