//! HTTP as function URLs and HTTP APIs deliver it: payload format 2.0.

mod reply;
mod request;

pub use lambda_http::http::StatusCode;
pub use reply::Reply;
pub use request::{HttpRequest, MalformedEvent};
