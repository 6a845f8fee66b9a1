//! Names of keys that are held elsewhere. A name is no secret, but a key that was pasted in its place would be: no refusal repeats
//! the text.

use super::{Parsed, refuse};
use crate::config::settings::GcpKey;

/// A key in AWS KMS by its id, alias or ARN, and the region that the ARN names.
pub(in crate::config) fn aws_key(text: &str) -> Parsed<(String, Option<String>)> {
    let expected = "a key of AWS KMS: its id, alias/NAME, or arn:aws:kms:REGION:ACCOUNT:key/ID";
    let parts: Vec<&str> = text.split(':').collect();
    let region = match parts.as_slice() {
        [name] if is_aws_id(name) || name.strip_prefix("alias/").is_some_and(is_path) => None,
        ["arn", partition, "kms", region, account, name]
            if partition.starts_with("aws")
                && is_region(region)
                && account.len() == 12
                && account.bytes().all(|b| b.is_ascii_digit())
                && (name.strip_prefix("key/").is_some_and(is_aws_id) || name.strip_prefix("alias/").is_some_and(is_path)) =>
        {
            Some((*region).to_owned())
        }
        _ => return refuse(expected, "copy the ARN from the key's page in the console"),
    };
    Ok((text.to_owned(), region))
}

/// A region of AWS.
pub(in crate::config) fn aws_region(text: &str) -> Parsed<String> {
    if is_region(text) {
        Ok(text.to_owned())
    } else {
        refuse("a region of AWS such as eu-central-1", "write the code of the region, not its title")
    }
}

/// A version of a key in Google Cloud KMS.
pub(in crate::config) fn gcp_key(text: &str) -> Parsed<GcpKey> {
    let expected = "projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY/cryptoKeyVersions/N";
    let copy = "copy the resource name of the key's version from the console";
    let parts: Vec<&str> = text.split('/').collect();
    match parts.as_slice() {
        ["projects", project, "locations", location, "keyRings", key_ring, "cryptoKeys", key, "cryptoKeyVersions", version] => {
            match version.parse() {
                Ok(version) if version > 0 && [project, location, key_ring, key].iter().all(|part| is_part(part)) => Ok(GcpKey {
                    project: (*project).to_owned(),
                    location: (*location).to_owned(),
                    key_ring: (*key_ring).to_owned(),
                    key: (*key).to_owned(),
                    version,
                }),
                _ => refuse(expected, copy),
            }
        }
        ["projects", _, "locations", _, "keyRings", _, "cryptoKeys", _] => {
            refuse(expected, "add the version, such as /cryptoKeyVersions/1: each has a key of its own")
        }
        _ => refuse(expected, copy),
    }
}

/// A token as a header can carry it.
pub(in crate::config) fn bearer(text: &str) -> Parsed<String> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        refuse("a token: letters, digits and marks without white space", "write the token alone, without the word Bearer")
    }
}

/// `1234abcd-12ab-34cd-56ef-1234567890ab`, or `mrk-` and 32 digits for a key of several regions.
fn is_aws_id(text: &str) -> bool {
    let hex = |part: &str, length: usize| part.len() == length && part.bytes().all(|b| b.is_ascii_hexdigit());
    let parts: Vec<&str> = text.split('-').collect();
    match parts.as_slice() {
        ["mrk", id] => hex(id, 32),
        [first, middle @ .., last] => {
            hex(first, 8) && middle.len() == 3 && middle.iter().all(|part| hex(part, 4)) && hex(last, 12)
        }
        _ => false,
    }
}

fn is_region(text: &str) -> bool {
    let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    text.contains('-') && text.len() <= 32 && text.bytes().all(good) && text.ends_with(|c: char| c.is_ascii_digit())
}

fn is_path(text: &str) -> bool {
    text.split('/').all(is_part)
}

fn is_part(text: &str) -> bool {
    // A project may belong to a domain: `example.com:project`.
    !text.is_empty() && text.len() <= 256 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b))
}
