use super::*;

fn effect(faults: &Faults, operation: &str, targets: &[Target]) -> Option<Effect> {
    faults.hit(operation, targets).map(|(_, effect)| effect)
}

fn item(table: &str, partition: &str) -> Vec<Target> {
    vec![Target {
        resource: table.to_owned(),
        partition: Some(partition.to_owned()),
        index: None,
        action: None,
    }]
}

#[test]
fn a_fault_hits_what_matches_and_only_so_often() {
    let faults = Faults::default();
    let matching = Matching::operations(["UpdateItem"])
        .on("activity")
        .partition("acme#");
    faults.inject(matching, Effect::Drop, Times::Next(1));
    assert_eq!(
        effect(&faults, "GetItem", &item("activity", "acme#1")),
        None
    );
    assert_eq!(
        effect(&faults, "UpdateItem", &item("routes", "acme#1")),
        None
    );
    assert_eq!(
        effect(&faults, "UpdateItem", &item("activity", "acmeco#1")),
        None
    );
    assert_eq!(
        effect(&faults, "UpdateItem", &item("activity", "acme#1")),
        Some(Effect::Drop)
    );
    assert_eq!(
        effect(&faults, "UpdateItem", &item("activity", "acme#1")),
        None
    );
}

#[test]
fn a_fault_may_let_some_calls_pass_before_it_hits_all_that_follow() {
    let faults = Faults::default();
    let reads = Matching::operations(["GetItem"]);
    faults.inject(reads, Effect::Drop, Times::AlwaysAfter(2));
    let hits = ["GetItem", "PutItem", "GetItem", "GetItem", "GetItem"]
        .map(|operation| effect(&faults, operation, &[]).is_some());
    assert_eq!(hits, [false, false, false, true, true]);
}

#[test]
fn the_oldest_fault_wins_until_it_is_taken_back() {
    let faults = Faults::default();
    let first = faults.inject(Matching::any(), Effect::Hang, Times::Always);
    faults.inject(
        Matching::writes(),
        Effect::Refuse(AwsError::internal()),
        Times::Always,
    );
    assert_eq!(effect(&faults, "PutItem", &[]), Some(Effect::Hang));
    faults.remove(first);
    assert_eq!(
        effect(&faults, "PutItem", &[]),
        Some(Effect::Refuse(AwsError::internal()))
    );
    faults.clear();
    assert_eq!(effect(&faults, "PutItem", &[]), None);
}

#[tokio::test]
async fn a_fault_is_waited_for_until_it_is_taken_back_and_no_other() {
    let faults = Faults::default();
    let [held, other] =
        [(); 2].map(|()| faults.inject(Matching::any(), Effect::Hold, Times::Next(1)));
    assert_eq!(faults.hit("PutItem", &[]), Some((held, Effect::Hold)));
    let mut waiting = tokio::spawn({
        let faults = faults.clone();
        async move { faults.removed(held).await }
    });
    faults.remove(other);
    let early = tokio::time::timeout(Duration::from_millis(50), &mut waiting).await;
    assert!(early.is_err());
    faults.remove(held);
    waiting.await.unwrap();
    faults.removed(held).await;
}
