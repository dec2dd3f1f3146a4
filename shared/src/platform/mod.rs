//! What the platform keeps secret from everybody, and what is derived from it.

mod cursor;
mod secret;

pub use self::cursor::{CursorContext, Cursors, InvalidCursor, UnsealedCursor};
pub use self::secret::{PlatformError, PlatformSecret, PlatformSecrets};
