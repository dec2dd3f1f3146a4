//! Refusals that this process knows of.

use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use super::Class;
use super::answer::{Policy, Taken};
use crate::tenant::TenantId;

/// The most that are remembered; the least recently used gives way, and costs a write again.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(4_096).unwrap();

/// Whose limit is reached: one user's, or the whole tenant's.
type Whose = (TenantId, Class, Option<String>);

/// The refusals of the current minute, so that who is refused already costs nothing.
pub(super) struct Refusals(Mutex<LruCache<Whose, (i64, Taken)>>);

impl Default for Refusals {
    fn default() -> Self {
        // Memory only for what is there.
        Self(Mutex::new(LruCache::sparse(CAPACITY)))
    }
}

impl Refusals {
    /// Why a user is refused in this minute, if that is known.
    pub(super) fn find(
        &self,
        tenant: &TenantId,
        class: Class,
        user: &str,
        minute: i64,
    ) -> Option<Taken> {
        let mut known = self.lock();
        let mut whose = (tenant.clone(), class, Some(user.to_owned()));
        for _ in 0..2 {
            // Of this very minute: one of another is over, or the clock was set.
            match known.get(&whose) {
                Some((of, taken)) if *of == minute => return Some(*taken),
                Some(_) => {
                    known.pop(&whose);
                }
                None => {}
            }
            whose.2 = None;
        }
        None
    }

    /// Remembers a refusal until its minute is over. What was let through is not remembered.
    pub(super) fn remember(
        &self,
        tenant: &TenantId,
        class: Class,
        user: String,
        minute: i64,
        taken: Taken,
    ) {
        let (user, taken) = match taken.refused_by {
            Some(Policy::User) => (Some(user), taken),
            // What is left to whoever was refused first is nothing to the others.
            Some(Policy::Tenant) => (None, taken.of_anybody()),
            None => return,
        };
        let whose = (tenant.clone(), class, user);
        self.lock().put(whose, (minute, taken));
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<Whose, (i64, Taken)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::{Standing, Window};
    use super::super::rates::Rates;
    use super::*;
    use crate::store::Counted;

    fn refused(by: Policy) -> Taken {
        let rates = Rates { user: 1, tenant: 2 };
        let counted = Counted {
            is_within: false,
            user: 1,
            tenant: 1,
            changed_at: None,
        };
        let window = Window {
            minute: 7,
            seconds_left: 9,
        };
        Taken {
            standing: Standing::of(rates, &counted, window),
            refused_by: Some(by),
            changed_at: None,
        }
    }

    fn tenant(id: &str) -> TenantId {
        id.parse().unwrap()
    }

    #[test]
    fn a_user_is_refused_for_the_minute_class_and_tenant_alone() {
        let refusals = Refusals::default();
        let user = refused(Policy::User);
        refusals.remember(&tenant("acme"), Class::Token, "a".to_owned(), 7, user);
        let find = |id, class, user, minute| refusals.find(&tenant(id), class, user, minute);
        assert_eq!(find("acme", Class::Token, "a", 7), Some(user));
        assert_eq!(find("acme", Class::Token, "b", 7), None);
        assert_eq!(find("acme", Class::Credentials, "a", 7), None);
        assert_eq!(find("globex", Class::Token, "a", 7), None);
        assert_eq!(find("acme", Class::Token, "a", 8), None);
        // The other minute freed it, whichever way the clock went.
        assert_eq!(find("acme", Class::Token, "a", 7), None);
    }

    #[test]
    fn a_tenant_is_refused_with_all_its_users() {
        let refusals = Refusals::default();
        let all = refused(Policy::Tenant);
        refusals.remember(&tenant("acme"), Class::Token, "a".to_owned(), 7, all);
        let find = |user| refusals.find(&tenant("acme"), Class::Token, user, 7);
        let told = Some(all.of_anybody());
        assert_eq!((find("a"), find("b")), (told, told));
    }

    #[test]
    fn no_more_are_remembered_than_there_is_room_for() {
        let refusals = Refusals::default();
        for number in 0..=CAPACITY.get() {
            let user = number.to_string();
            refusals.remember(
                &tenant("acme"),
                Class::Token,
                user,
                7,
                refused(Policy::User),
            );
        }
        assert_eq!(refusals.lock().len(), CAPACITY.get());
        assert_eq!(refusals.find(&tenant("acme"), Class::Token, "0", 7), None);
    }
}
