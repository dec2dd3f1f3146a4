//! Webhooks that come at a steady rate while the token that signs them is rotated.

use std::time::Duration;

use local::http_client;
use serde_json::json;
use shared::activity::Route;
use shared::secret::Secret;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::ROTATE;
use crate::harness::Harness;
use crate::traffic::{RawRequest, event, facts};

/// The pause between two webhooks: 20 a second.
const PAUSE: Duration = Duration::from_millis(50);

#[tokio::test]
async fn no_webhook_of_a_steady_stream_is_refused_or_lost_while_its_token_is_rotated() {
    let harness = Box::leak(Box::new(Harness::start(|options| {
        let grace = ("AuthTokenGraceSeconds".to_owned(), "2".to_owned());
        options.parameters.extend([grace]);
    })));
    let newcomer = harness.connected().await;
    let tenant = newcomer.tenant(harness);
    let tenant = std::sync::Arc::new(tenant);
    let old = newcomer.account.auth_token().unwrap();

    let (account, target) = (newcomer.account.clone(), std::sync::Arc::clone(&tenant));
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let stream = tokio::spawn(async move {
        let mut deliveries = JoinSet::new();
        let mut ticks = interval(PAUSE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = &mut stopped => return deliveries.join_all().await,
                _ = ticks.tick() => {}
            }
            // Signed with what is the primary token at this moment; it arrives a little later.
            let token = account.auth_token().unwrap();
            let sms = event(&target, Route::SmsStatus);
            let (url, parameters) = (&sms.webhook.url, &sms.webhook.parameters);
            let request = RawRequest::signed(url, parameters, &Secret::from(token.as_str()));
            deliveries.spawn(async move {
                let answer = request.insist(&http_client::client()).await;
                (token, answer.status, sms)
            });
        }
    });

    let mut stages = Vec::new();
    loop {
        let answer = newcomer.admin.post(ROTATE, &json!({})).await;
        let stage = answer.body["stage"].as_str().unwrap().to_owned();
        if stages.last() != Some(&stage) {
            stages.push(stage);
        }
        if answer.status == 200 {
            break;
        }
        assert_eq!(answer.status, 202, "{answer:?}");
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    assert_eq!(stages, ["stored", "promoted", "done"]);
    stop.send(()).unwrap();
    let delivered = stream.await.unwrap();

    let by_old = delivered.iter().filter(|(token, ..)| *token == old).count();
    assert!(
        by_old > 50 && delivered.len() - by_old > 20,
        "{by_old} of {}",
        delivered.len()
    );
    let refused = delivered.iter().filter(|(_, status, _)| *status != 204);
    assert_eq!(refused.count(), 0);
    // One that was put aside, because the machine was slow, is kept a moment later.
    let all_are_kept = async {
        for (_, _, sms) in &delivered {
            while facts(&tenant, &sms.resource).await != 1 {
                tokio::time::sleep(PAUSE).await;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), all_are_kept)
        .await
        .expect("a webhook was lost");
}
