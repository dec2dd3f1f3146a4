//! What the stream of a table and an event bus do in a whole stack.

use super::*;
use crate::control::{EVENTS_PATH, EventsPage};
use crate::emulators::StreamHandle;

/// What makes the template one with a bus, and a stream that invokes the function.
const STREAM: &str = r#"
        Stream:
          Type: DynamoDB
          Properties:
            Stream: !GetAtt Table.StreamArn
            StartingPosition: TRIM_HORIZON
            FilterCriteria: {Filters: [{Pattern: '{"eventName": ["INSERT"]}'}]}
  Bus:
    Type: AWS::Events::EventBus
    Properties: {Name: events}
"#;

impl Stage {
    fn with_stream() -> Self {
        let stage = Self::new();
        let key = "KeySchema: [{AttributeName: pk, KeyType: HASH}]";
        let stream = "StreamSpecification: {StreamViewType: NEW_IMAGE}";
        let template = TEMPLATE.replace(key, &format!("{key}\n      {stream}"));
        let template = format!("{}{STREAM}", template.trim_end());
        std::fs::write(stage.files.path().join("template.yaml"), template).unwrap();
        stage
    }
}

async fn put_item(stack: &Stack, key: &str) {
    let body = json!({"TableName": stack.environment()["TABLE"], "Item": {"pk": {"S": key}}});
    let url = stack.emulators().dynamodb().url();
    let administrator = stack.emulators().access().administrator();
    let credentials = administrator.credentials();
    let put = crate::http_client::signed(&url, "dynamodb", credentials, body.to_string())
        .header("x-amz-target", "DynamoDB_20120810.PutItem");
    let answer = put.send().await.unwrap();
    assert_eq!(answer.status(), 200, "{:?}", answer.text().await);
}

/// The stream of the stack's table.
fn stream(stack: &Stack) -> StreamHandle {
    let attributes = stack.template().attributes(stack.emulators().attributes());
    let arn = attributes.get("Table", "StreamArn").unwrap();
    let dynamodb = stack.emulators().dynamodb();
    dynamodb.stream("trunkline-local-Table", arn)
}

/// Waits until the function has handled every record that there is.
async fn handled(stack: &Stack) {
    let stream = stream(stack);
    let handled = stream.handled_by("Function/Stream");
    let handled = tokio::time::timeout(Duration::from_secs(30), handled).await;
    handled.unwrap().unwrap();
}

#[tokio::test]
async fn a_write_invokes_the_function_of_the_stream_and_a_restart_does_not_repeat_it() {
    let stage = Stage::with_stream();
    let stack = Stack::start(stage.options()).await.unwrap();
    put_item(&stack, "first").await;
    handled(&stack).await;
    stack.stop().await.unwrap();

    let stack = Stack::start(stage.options()).await.unwrap();
    put_item(&stack, "second").await;
    handled(&stack).await;
    let stream = stream(&stack);
    let position = stream.position("Function/Stream").unwrap();
    assert_eq!(stream.records(Some(&position), 10).await.unwrap().len(), 0);
    assert_eq!(
        stack.function("scripted_function").unwrap().records().len(),
        1
    );
    stack.stop().await.unwrap();
}

#[tokio::test]
async fn events_of_the_bus_are_shown_to_other_commands_as_they_come() {
    let stage = Stage::with_stream();
    let stack = Stack::start(stage.options()).await.unwrap();
    let url = format!("{}{}", stack.control_url(), EVENTS_PATH);
    let put = |detail: &str| {
        let entry = json!({"EventBusName": "events", "Source": "trunkline", "DetailType": detail, "Detail": "{}"});
        let url = &stack.environment()["AWS_ENDPOINT_URL_EVENTBRIDGE"];
        let administrator = stack.emulators().access().administrator();
        let body = json!({"Entries": [entry]}).to_string();
        crate::http_client::signed(url, "events", administrator.credentials(), body)
            .header("x-amz-target", "AWSEvents.PutEvents")
            .send()
    };
    let page = async |query: &str| {
        let answer = crate::http_client::client().get(format!("{url}?{query}"));
        let body = answer.send().await.unwrap().bytes().await.unwrap();
        let page: EventsPage = serde_json::from_slice(&body).unwrap();
        let events = page
            .events
            .into_iter()
            .map(|one| one.event["detail-type"].clone());
        (events.collect::<Vec<_>>(), page.next)
    };
    assert_eq!(page("since=0").await, (vec![], 0));
    put("a").await.unwrap();
    put("b").await.unwrap();
    assert_eq!(page("since=0").await, (vec![json!("a"), json!("b")], 2));
    // The first asks first; whether or not it has to wait, it is not answered without the event.
    let (waited, _) = tokio::join!(page("since=2&wait=30"), put("c"));
    assert_eq!(waited, (vec![json!("c")], 3));
    // Of another stack, which had more events.
    assert_eq!(page("since=9&wait=30").await, (vec![], 3));
    stack.stop().await.unwrap();
}
