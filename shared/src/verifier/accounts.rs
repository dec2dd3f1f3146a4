//! One at a time per Twilio account.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

use crate::sid::AccountSid;

/// Accounts that somebody of this process is at. Two tenants may have stored the same: of one of them they are not in use.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    turns: Mutex<HashMap<AccountSid, Weak<tokio::sync::Mutex<()>>>>,
}

impl Accounts {
    /// Waits until nobody is at an account; nobody else is, until what is given is dropped.
    pub(super) async fn turn(&self, account: &AccountSid) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            turns.retain(|_, turn| turn.strong_count() > 0);
            match turns.get(account).and_then(Weak::upgrade) {
                Some(turn) => turn,
                None => {
                    let turn = Arc::default();
                    turns.insert(account.clone(), Arc::downgrade(&turn));
                    turn
                }
            }
        };
        turn.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn an_account_has_one_turn_at_a_time_and_others_do_not_wait_for_it() {
        let accounts = Accounts::default();
        let account = |digit: char| -> AccountSid {
            format!("AC{}", digit.to_string().repeat(32))
                .parse()
                .unwrap()
        };
        let turn = accounts.turn(&account('1')).await;
        drop(accounts.turn(&account('2')).await);
        let same = account('1');
        let waits = timeout(Duration::from_millis(20), accounts.turn(&same)).await;
        assert!(waits.is_err());
        drop(turn);
        drop(accounts.turn(&account('1')).await);
        drop(accounts.turn(&account('3')).await);
        // Those that nobody is at are forgotten.
        assert_eq!(accounts.turns.lock().unwrap().len(), 1);
    }
}
