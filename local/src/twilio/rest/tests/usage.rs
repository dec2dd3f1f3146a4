use super::*;

/// The counts of a list.
async fn counts(world: &World, rest: &str) -> Vec<String> {
    let path = world.path(&format!("Usage/{rest}"));
    let (status, body) = answered(world.get(&path).await).await;
    assert_eq!(status, 200);
    let records = body["usage_records"].as_array().unwrap().iter();
    records
        .map(|it| it["count"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn usage_is_summed_up_by_time_and_with_subaccounts_unless_told_otherwise() {
    let world = world().await;
    let other = world.double.account(&sid(2));
    other.open_under(world.account.sid(), TOKEN);
    for (account, date, count) in [
        (&world.account, "2026-10-31", 1),
        (&world.account, "2026-11-01", 2),
        (&world.account, "2026-11-02", 4),
        (&other, "2026-11-02", 8),
    ] {
        account.use_up(date, "sms-outbound", count, 7_900);
    }
    let alone = "IncludeSubaccounts=false";
    assert_eq!(counts(&world, "Records.json").await, ["15"]);
    assert_eq!(
        counts(&world, &format!("Records.json?{alone}")).await,
        ["7"]
    );
    let daily = format!("Records/Daily.json?{alone}&StartDate=2026-11-01");
    assert_eq!(counts(&world, &daily).await, ["4", "2"]);
    let monthly = format!("Records/Monthly.json?{alone}");
    assert_eq!(counts(&world, &monthly).await, ["6", "1"]);
    let other = format!("Records.json?{alone}&Category=calls");
    assert!(counts(&world, &other).await.is_empty());
}
