//! The end of a key, which nothing is sealed under any more.

use tokio::time::Instant;
use tracing::warn;

use super::{ReEncryption, ReEncryptionError};
use crate::audit::Action;
use crate::store::StoreError;
use crate::tenant::TenantScope;
use crate::vault::{KeyArn, key_of};

/// How many tenants are looked at at a time before a key is retired.
const LOOK: i32 = 50;

impl ReEncryption {
    /// Disables a key under which nothing is sealed: looks at everything first, whatever was counted before.
    pub(super) async fn retire(
        &self,
        key: &KeyArn,
        deadline: Instant,
    ) -> Result<(), ReEncryptionError> {
        let keys = self.vault.keys();
        if key == keys.current() {
            let reason = "this is the key that credentials are sealed under";
            return Err(ReEncryptionError::NotToRetire(reason));
        }
        if !keys.previous().contains(key) {
            let reason =
                "this is no key of this deployment: name it in PREVIOUS_CREDENTIALS_KEY_ARNS";
            return Err(ReEncryptionError::NotToRetire(reason));
        }
        let mut names = Vec::new();
        let mut after: Option<String> = None;
        let mut scopes: Vec<TenantScope> = self.items.platform().into_iter().collect();
        loop {
            let mut looks = tokio::task::JoinSet::new();
            for scope in scopes {
                let items = self.items.clone();
                looks.spawn(async move {
                    let sealed = items.sealed(&scope).await?;
                    Ok::<_, StoreError>((scope, sealed))
                });
            }
            for looked in looks.join_all().await {
                let (scope, sealed) = looked?;
                let under_it = sealed
                    .iter()
                    // What names no key at all may be of any.
                    .filter(|it| key_of(&it.message).is_none_or(|named| named == *key));
                names.extend(under_it.map(|it| format!("{} {}", scope.tenant_id(), it.by.name())));
            }
            if Instant::now() >= deadline {
                return Err(ReEncryptionError::TooLate);
            }
            match self.items.tenants_after(after.as_deref(), LOOK).await? {
                None => break,
                Some((tenants, last)) => (scopes, after) = (tenants, Some(last)),
            }
        }
        if !names.is_empty() {
            let count = u64::try_from(names.len()).unwrap_or(u64::MAX);
            names.truncate(20);
            return Err(ReEncryptionError::InUse { count, names });
        }
        // Before it is done, so that it is never done without a word.
        let entry = self.note(Action::KeyRetired, key.to_string(), String::new());
        self.items.log(&entry).await?;
        self.vault.disable(key).await?;
        warn!(%key, "a key was retired: nothing opens under it any more");
        Ok(())
    }
}
