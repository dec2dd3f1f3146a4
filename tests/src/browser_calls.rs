//! Calls that a tenant's users make from a browser. Whom they dial is hostile input.

use local::twilio::call::{CallOrigin, DialOutcome, Ending, Story};
use local::twilio::{Parameters, Purpose};
use serde_json::json;
use shared::activity::{Direction, Resource, Route};
use shared::identity::Identity;
use shared::tenant::TenantId;

use crate::conversations::{answer, dialled, recorded};
use crate::harness::Harness;

const CUSTOMER: &str = "+12025550120";

/// The TwiML that a call began with.
fn document(story: &Story) -> String {
    let first = story.of(Purpose::IncomingCall).next().unwrap();
    answer(first).2
}

#[tokio::test]
async fn a_browser_calls_a_phone_with_the_tenants_number_as_caller_id() {
    let tenant = Harness::shared().await.tenant(json!({})).await;

    let story = tenant.make(&tenant.browser_call("alice", CUSTOMER)).await;

    let [(leg, target)] = &dialled(&story)[..] else {
        panic!("one leg is dialled")
    };
    assert_eq!(target, CUSTOMER);
    let leg = tenant.leg(leg).await;
    assert_eq!(leg.from, tenant.target.phone_number);
    assert_eq!(leg.parent_sid.as_deref(), Some(story.call.as_str()));
    let document = document(&story);
    let caller_id = format!(r#"callerId="{}""#, tenant.target.phone_number);
    assert!(document.contains(&caller_id), "{document}");
}

#[tokio::test]
async fn a_browsers_call_counts_as_answered_only_when_the_phone_is() {
    let tenant = Harness::shared().await.tenant(json!({})).await;

    let story = tenant.make(&tenant.browser_call("alice", CUSTOMER)).await;

    assert!(document(&story).contains(r#"answerOnBridge="true""#));
    // Ringing is not part of it.
    assert_eq!(story.seconds, 42);
    let call = tenant.leg(&story.call).await;
    assert_eq!(
        (call.status.as_str(), call.duration),
        ("completed", Some(42))
    );
}

#[tokio::test]
async fn a_browsers_call_is_kept_as_one_that_went() {
    let tenant = Harness::shared().await.tenant(json!({})).await;

    let story = tenant.make(&tenant.browser_call("alice", CUSTOMER)).await;

    let call = tenant.leg(&story.call).await;
    assert_eq!(
        (call.direction, call.from.as_str(), call.to.as_str()),
        (Direction::Outbound, "client:alice", CUSTOMER)
    );
}

#[tokio::test]
async fn a_browser_calls_another_user_under_its_own_name() {
    let tenant = Harness::shared().await.tenant(json!({})).await;

    let story = tenant
        .make(&tenant.browser_call("alice", "client:bob"))
        .await;

    let [(leg, target)] = &dialled(&story)[..] else {
        panic!("one leg is dialled")
    };
    assert_eq!(target, "client:bob");
    let leg = tenant.leg(leg).await;
    assert_eq!(
        (leg.from.as_str(), leg.status.as_str()),
        ("client:alice", "completed")
    );
}

#[tokio::test]
async fn a_browser_whose_call_nobody_takes_is_told_so_and_asked_for_no_voicemail() {
    let tenant = Harness::shared()
        .await
        .tenant(json!({"voicemail": true}))
        .await;
    let outcomes = [
        DialOutcome::NoAnswer,
        DialOutcome::Busy,
        DialOutcome::Failed,
    ];
    for to in [CUSTOMER, "client:bob"] {
        for outcome in outcomes {
            let script = tenant.browser_call("alice", to).dialling(outcome);

            let story = tenant.make(&script).await;

            assert_eq!(story.said(), ["Your call was not answered. Goodbye."]);
            assert_eq!(recorded(&story), []);
            assert_eq!(story.ending, Ending::Finished);
        }
    }
}

#[tokio::test]
async fn a_browsers_call_is_recorded_when_the_tenant_wants_its_calls_recorded() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({"auto_record_calls": true})).await;

    let story = tenant.make(&tenant.browser_call("alice", CUSTOMER)).await;

    let recording = tenant.recording(&recorded(&story)[0]).await;
    assert_eq!(recording.call_sid, story.call.as_str());
    assert_eq!(recording.status.unwrap().as_str(), "completed");
}

#[tokio::test]
async fn a_browser_may_not_call_the_tenants_own_number() {
    let tenant = Harness::shared().await.tenant(json!({})).await;
    let own = tenant.target.phone_number.clone();

    let story = tenant.make(&tenant.browser_call("alice", &own)).await;

    assert_eq!(story.said(), ["You cannot call your own number. Goodbye."]);
    assert_eq!(dialled(&story), []);
}

#[tokio::test]
async fn a_browser_may_not_call_the_tenants_whatsapp_sender_or_default_sender() {
    let harness = Harness::shared().await;
    let sender = "+12025550199";
    let tenant = harness.tenant(json!({"default_sender": sender})).await;
    for own in [tenant.target.whatsapp_sender.as_str(), sender] {
        let story = tenant.make(&tenant.browser_call("alice", own)).await;

        assert_eq!(story.said(), ["You cannot call your own number. Goodbye."]);
        assert_eq!(dialled(&story), []);
    }
}

#[tokio::test]
async fn a_user_may_not_call_itself() {
    let tenant = Harness::shared().await.tenant(json!({})).await;

    let story = tenant
        .make(&tenant.browser_call("alice", "client:alice"))
        .await;

    assert_eq!(story.said(), ["You cannot call yourself. Goodbye."]);
    assert_eq!(dialled(&story), []);
}

#[tokio::test]
async fn a_name_of_another_tenant_neither_calls_nor_is_called() {
    let tenant = Harness::shared().await.tenant(json!({})).await;
    let of = |subject, tenant_id: &TenantId| -> String {
        Identity::of(subject, tenant_id).unwrap().into()
    };
    let stranger = of("alice", &"another-tenant".parse().unwrap());
    let own = of("alice", &tenant.id);
    let to_stranger = format!("client:{stranger}");
    for (caller, to, sentence) in [
        (
            &stranger,
            CUSTOMER,
            "You cannot make calls for this company. Goodbye.",
        ),
        (
            &own,
            to_stranger.as_str(),
            "This is not a number that can be called. Goodbye.",
        ),
    ] {
        let story = tenant.make(&tenant.browser_call(caller, to)).await;

        assert_eq!(story.said(), [sentence]);
        assert_eq!(dialled(&story), []);
    }
    let story = tenant.make(&tenant.browser_call(&own, CUSTOMER)).await;
    assert_eq!(dialled(&story).len(), 1);
}

#[tokio::test]
async fn a_name_that_the_tenants_settings_list_is_the_tenants() {
    let listed = "user_front_tenant_desk";
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({"browser_users": [listed]})).await;

    let story = tenant.make(&tenant.browser_call(listed, CUSTOMER)).await;

    assert_eq!(dialled(&story).len(), 1);
}

#[tokio::test]
async fn a_browser_that_says_twice_whom_it_calls_calls_nobody() {
    let tenant = Harness::shared().await.tenant(json!({})).await;
    for (first, second) in [(CUSTOMER, "+12025550199"), ("garbage", CUSTOMER)] {
        let mut script = tenant.browser_call("alice", first);
        let CallOrigin::Browser { custom, .. } = &mut script.origin else {
            panic!("a browser calls")
        };
        *custom = Parameters::new().with("To", second);

        let story = tenant.make(&script).await;

        assert_eq!(
            story.said(),
            ["This is not a number that can be called. Goodbye."]
        );
        assert_eq!(dialled(&story), []);
    }
}

#[tokio::test]
async fn what_is_neither_a_number_nor_a_user_is_not_dialled() {
    let tenant = Harness::shared().await.tenant(json!({})).await;
    let long = format!("client:{}", "a".repeat(70_000));
    let recipients = [
        "",
        "15005550120",
        "+1500",
        "+0043123456789",
        "+15005550120,+15005550121",
        "+15005550120<Number>+15005550121</Number>",
        "sip:someone@example.com",
        "whatsapp:+15005550120",
        "client:",
        "</Dial><Say>owned</Say>",
        long.as_str(),
    ];
    for to in recipients {
        let story = tenant.make(&tenant.browser_call("alice", to)).await;

        let shown = &to[..to.len().min(60)];
        assert_eq!(
            story.said(),
            ["This is not a number that can be called. Goodbye."],
            "{shown}"
        );
        assert_eq!(dialled(&story), [], "{shown}");
    }
}

#[tokio::test]
async fn a_users_name_is_dialled_as_text_whatever_it_holds() {
    let tenant = Harness::shared().await.tenant(json!({})).await;
    let name = "client:bob</Client><Number>+15005550121</Number>";

    let story = tenant.make(&tenant.browser_call("alice", name)).await;

    let targets: Vec<_> = dialled(&story).into_iter().map(|(_, to)| to).collect();
    assert_eq!(targets, [name]);
}

#[tokio::test]
async fn where_countries_are_listed_a_number_elsewhere_is_not_dialled() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({"allowed_countries": ["AT"]})).await;
    for (to, is_allowed) in [
        ("+43123456789", true),
        ("+442071234567", false),
        ("+8835100000000", false),
    ] {
        let story = tenant.make(&tenant.browser_call("alice", to)).await;

        assert_eq!(dialled(&story).len(), usize::from(is_allowed), "{to}");
        if !is_allowed {
            assert_eq!(
                story.said(),
                ["Calls to this country are not allowed. Goodbye."]
            );
        }
    }
}

#[tokio::test]
async fn where_no_countries_are_listed_a_number_of_none_is_not_dialled() {
    let tenant = Harness::shared().await.tenant(json!({})).await;
    for to in ["+979123456789", "+8835100000000", "+19005550100"] {
        let story = tenant.make(&tenant.browser_call("alice", to)).await;

        assert_eq!(dialled(&story), [], "{to}");
        assert_eq!(
            story.said(),
            ["Calls to this country are not allowed. Goodbye."]
        );
    }
}

#[tokio::test]
async fn a_browser_writes_nothing_of_its_calls_history() {
    let tenant = Harness::shared().await.tenant(json!({})).await;
    let mut script = tenant.browser_call("alice", "garbage");
    let CallOrigin::Browser { custom, .. } = &mut script.origin else {
        panic!("a browser calls")
    };
    *custom = Parameters::new()
        .with("ParentCallSid", "p".repeat(3_000))
        .with("CallDuration", "99999")
        .with("DialCallStatus", "completed")
        .with("lead", "42");

    let story = tenant.make(&script).await;

    let call = tenant.leg(&story.call).await;
    assert_eq!((call.parent_sid, call.dial_status), (None, None));
    assert_ne!(call.duration, Some(99_999));
    let facts = tenant.facts(Resource::Call(story.call.clone())).await;
    let asked = facts.iter().find(|fact| fact.route == Route::Voice);
    let custom = &asked.unwrap().custom;
    assert_eq!(custom.get("lead").map(String::as_str), Some("42"));
    assert_eq!(custom["ParentCallSid"].len(), 3_000);
}

#[tokio::test]
async fn a_refused_call_is_kept_with_what_was_dialled() {
    let tenant = Harness::shared().await.tenant(json!({})).await;

    let story = tenant.make(&tenant.browser_call("alice", "garbage")).await;

    let call = tenant.leg(&story.call).await;
    assert_eq!(
        (call.to.as_str(), call.status.as_str()),
        ("garbage", "completed")
    );
}

#[tokio::test]
async fn a_tenant_without_a_number_cannot_call_phones() {
    let harness = Harness::shared().await;
    let tenant = harness.tenant(json!({})).await;
    let mut document = tenant.document.clone();
    document["twilio"]
        .as_object_mut()
        .unwrap()
        .remove("phone_number");
    let tenant = harness.store(document).await;

    let story = tenant.make(&tenant.browser_call("alice", CUSTOMER)).await;

    assert_eq!(
        story.said(),
        ["Your company has no number to call from yet. Goodbye."]
    );
    assert_eq!(dialled(&story), []);
}
