//! The keys of this install for display: names and ages.

use crate::clock::Timestamp;
use crate::config::Config;
use crate::report::signature::ReportKey;
use crate::store::key_ages::KeyMark;
use crate::store::{Store, StoreError};

/// Metadata of a key, without the key itself.
pub struct KeyAge {
    /// `token`, `report`, `journal` or `sign_in`.
    pub purpose: &'static str,
    /// A kid, the key id of reports, or the variable with the key.
    pub name: String,
    /// Whether it is the previous key, which only resolves or verifies during a rotation.
    pub previous: bool,
    /// Identifies it: 16 hexadecimal digits.
    pub id: String,
    /// When this install first saw it.
    pub first_seen_at: Timestamp,
}

/// All configured keys; new ones are recorded.
pub async fn of(config: &Config, report_key: &ReportKey, store: &Store) -> Result<Vec<KeyAge>, StoreError> {
    let mut keys = Vec::new();
    let mut add = |purpose, name: &str, previous, check_value| {
        keys.push((KeyMark { purpose, name: name.to_owned(), check_value }, previous));
    };
    for kid in config.keys.kids() {
        let Some(pair) = config.keys.get(kid) else { continue };
        add("token", kid.as_str(), false, pair.current.check_value());
        if let Some(old) = &pair.old {
            add("token", kid.as_str(), true, old.check_value());
        }
    }
    for (index, key) in report_key.public_keys().into_iter().enumerate() {
        add("report", &key.key_id, index > 0, key.key_id.clone());
    }
    add("journal", "MASKER_AUDIT_HMAC_KEY", false, config.audit_key.check_value());
    add("sign_in", "MASKER_SESSION_SECRET", false, config.session_secret.check_value());
    let first_seen = store.keys_first_seen(keys.iter().map(|(mark, _)| mark.clone()).collect()).await?;
    let ages = keys.into_iter().zip(first_seen).map(|((mark, previous), first_seen_at)| KeyAge {
        purpose: mark.purpose,
        name: mark.name,
        previous,
        id: mark.check_value,
        first_seen_at,
    });
    Ok(ages.collect())
}
