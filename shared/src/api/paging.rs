//! Lists: pages with opaque cursors.

use serde::Serialize;

use super::{Code, Foundation, Page, Problem, json};
use crate::http::{Reply, StatusCode};
use crate::platform::{CursorContext, PlatformSecrets};
use crate::store::{self, PlatformItems};
use crate::vault::Vault;

/// Opens and seals cursors.
pub struct Paging {
    secrets: PlatformSecrets,
}

/// A list as it is answered.
#[derive(Serialize)]
struct List<T> {
    items: Vec<T>,
    next_cursor: Option<String>,
}

impl Paging {
    /// Builds it on what all API functions have.
    #[must_use]
    pub fn new(foundation: &Foundation) -> Self {
        Self {
            secrets: platform_secrets(foundation),
        }
    }

    /// The page of a list that is asked for. Only a request with a cursor costs the platform secret, once a process.
    ///
    /// # Errors
    /// [`Code::InvalidCursor`] for what is none of this list, tenant and query.
    pub async fn position(
        &self,
        context: &CursorContext,
        page: &Page,
    ) -> Result<store::Page, Problem> {
        let after = match &page.cursor {
            None => None,
            Some(cursor) => {
                let secret = self.secrets.get().await?;
                let position = secret.cursors().open(context, cursor).map_err(|_| {
                    let detail =
                        "The cursor is none of this list, tenant and query: begin without one.";
                    Problem::new(Code::InvalidCursor, detail)
                })?;
                Some(position)
            }
        };
        Ok(store::Page::new(page.limit, after))
    }

    /// A page as an answer; `next` is where the list goes on.
    ///
    /// # Errors
    /// When the platform secret cannot be had.
    pub async fn answer<T: Serialize>(
        &self,
        context: &CursorContext,
        items: Vec<T>,
        next: Option<String>,
    ) -> Result<Reply, Problem> {
        let next_cursor = match next {
            None => None,
            Some(position) => {
                let secret = self.secrets.get().await?;
                let sealed = secret.cursors().seal(context, &position);
                Some(sealed.map_err(Problem::internal)?)
            }
        };
        Ok(json(StatusCode::OK, &List { items, next_cursor }))
    }
}

/// Where the platform's secret is had from.
pub(crate) fn platform_secrets(foundation: &Foundation) -> PlatformSecrets {
    let Foundation {
        aws,
        tables,
        key,
        clock,
    } = foundation;
    let items = PlatformItems::new(aws.dynamodb(), tables.tenants.clone(), clock.clone());
    PlatformSecrets::new(items, Vault::new(aws.kms(), key.clone()))
}
