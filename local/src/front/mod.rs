//! HTTP in front of the functions, with the events and answers of payload format 2.0: function URLs and the HTTP API.
//!
//! A request target that is no URI, such as one with a raw quote, is refused with 400 before it becomes an event.

mod answer;
mod event;
mod function_url;
mod http_api;

pub use function_url::FunctionUrl;
pub use http_api::{HttpApiFront, Invoke, Served};
