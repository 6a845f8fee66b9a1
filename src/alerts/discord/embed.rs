//! An alert as Discord draws it. Discord refuses a whole message for one character too many, so every limit is kept here.

use serde_json::{Value, json};

use crate::ports::{Alert, Severity};

const TITLE: usize = 256;
const FIELDS: usize = 25;
const FIELD_NAME: usize = 256;
const FIELD_VALUE: usize = 1_024;
const FOOTER: usize = 512;
/// All texts of an embed together.
const WHOLE: usize = 6_000;
/// A value up to this length shares its row with others.
const SHORT: usize = 32;

/// The body of the webhook's request.
pub(super) fn message(alert: &Alert) -> Value {
    let (title, footer) = (fit(&alert.title, TITLE), fit(&alert.key, FOOTER));
    let mut left = WHOLE.saturating_sub(length(&title)).saturating_sub(length(&footer));
    let mut fields = Vec::new();
    for (name, value) in alert.facts.iter().take(FIELDS) {
        let (name, value) = (fit(name, FIELD_NAME), fit(value, FIELD_VALUE));
        let Some(rest) = left.checked_sub(length(&name).saturating_add(length(&value))) else { break };
        left = rest;
        fields.push(json!({ "name": name, "value": value, "inline": length(&value) <= SHORT }));
    }
    let mut embed = json!({
        "title": title,
        "color": colour(alert.severity),
        "fields": fields,
        "footer": { "text": footer },
        "timestamp": alert.at.to_string(),
    });
    if let (Some(link), Some(embed)) = (&alert.link, embed.as_object_mut()) {
        embed.insert("url".to_owned(), link.as_str().into());
    }
    // A name or an error message with an @ in it must not wake a whole server.
    json!({ "username": "Ballast", "embeds": [embed], "allowed_mentions": { "parse": [] } })
}

const fn colour(severity: Severity) -> u32 {
    match severity {
        Severity::Info => 0x002E_CC71,
        Severity::Warning => 0x00F1_C40F,
        Severity::Critical => 0x00E7_4C3C,
    }
}

/// Shortens to `limit`, visibly; an empty text, which Discord refuses, becomes a dash.
fn fit(text: &str, limit: usize) -> String {
    let text = text.trim();
    if text.is_empty() {
        return "–".to_owned();
    }
    if length(text) <= limit {
        return text.to_owned();
    }
    let mut short = String::new();
    let mut used: usize = 1;
    for character in text.chars() {
        used = used.saturating_add(character.len_utf16());
        if used > limit {
            break;
        }
        short.push(character);
    }
    short.push('…');
    short
}

/// The longest way to count: in UTF-16 units.
fn length(text: &str) -> usize {
    text.encode_utf16().count()
}
