//! The routes of this function.

use std::sync::Arc;

use shared::activity::Route;
use shared::http::{HttpRequest, Reply};
use shared::webhook::{Answer, Notification, Verified, Webhooks, fallback};

pub(crate) async fn handle(webhooks: Arc<Webhooks>, request: HttpRequest) -> Answer {
    match Route::of_path(request.path()) {
        Some(route @ Route::Sms) => webhooks.receive_message(&request, route).await,
        Some(route @ Route::SmsStatus) => webhooks.receive(&request, route, acknowledge).await,
        _ => fallback(&request),
    }
}

fn acknowledge(_status: &Verified<Notification>) -> Reply {
    Reply::no_content()
}
