//! The routes of this function.

use std::sync::Arc;

use shared::api::{Call, Operation, Problem};
use shared::http::Reply;

use crate::service::Messaging;
use crate::{calls, contacts, conversations, messages, phone_numbers, recordings, usage};

pub(crate) async fn handle(messaging: Arc<Messaging>, call: Call) -> Result<Reply, Problem> {
    let (messaging, call) = (&*messaging, &call);
    let scope = &messaging.admission.tenant(call).await?;
    match call.operation() {
        Operation::ListMessages => messages::list(messaging, scope, call).await,
        Operation::ReadMessage => messages::read(messaging, scope, call).await,
        Operation::ListConversations => conversations::list(messaging, scope, call).await,
        Operation::ListConversationMessages => {
            conversations::list_messages(messaging, scope, call).await
        }
        Operation::ListContacts => contacts::list(messaging, scope, call).await,
        Operation::ListCalls => calls::list(messaging, scope, call).await,
        Operation::ReadCall => calls::read(messaging, scope, call).await,
        Operation::ListRecordings => recordings::list(messaging, scope, call).await,
        Operation::ReadRecording => recordings::read(messaging, scope, call).await,
        Operation::DeleteRecording => recordings::delete(messaging, scope, call).await,
        Operation::PlayRecording => recordings::play(messaging, scope, call).await,
        Operation::ReadMessageMedia => messages::media(messaging, scope, call).await,
        Operation::ListPhoneNumbers => phone_numbers::list(messaging, scope, call).await,
        Operation::SyncPhoneNumbers => phone_numbers::sync(messaging, scope, call).await,
        Operation::ConnectPhoneNumber => phone_numbers::connect(messaging, scope, call).await,
        Operation::ReadUsage => usage::list(messaging, scope, call).await,
        _ => Err(Problem::not_here()),
    }
}
