use super::*;

fn acme() -> TenantProfile {
    TenantProfile {
        tenant_id: "acme".parse().unwrap(),
        name: "Acme".to_owned(),
        status: TenantStatus::Active,
        subdomain: Some("acme".parse().unwrap()),
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
    }
}

#[test]
fn a_change_that_names_nothing_leaves_everything_as_it_is() {
    assert_eq!(ProfileChanges::default().applied_to(acme()), acme());
}

#[test]
fn a_subdomain_is_given_up_only_when_that_is_said() {
    let changes = ProfileChanges {
        subdomain: Some(None),
        ..ProfileChanges::default()
    };
    assert_eq!(changes.applied_to(acme()).subdomain, None);
}

#[test]
fn the_log_tells_a_change_of_the_status_and_the_names_of_the_other_fields() {
    let changed = TenantProfile {
        name: "Acme Ltd".to_owned(),
        status: TenantStatus::Suspended,
        subdomain: None,
        ..acme()
    };
    let told_of = told(&acme(), &changed);
    assert_eq!(
        told_of,
        [
            (Action::TenantSuspended, String::new()),
            (Action::TenantUpdated, "name, subdomain".to_owned()),
        ]
    );
    let resumed = TenantProfile {
        status: TenantStatus::Active,
        ..changed.clone()
    };
    assert_eq!(
        told(&changed, &resumed),
        [(Action::TenantResumed, String::new())]
    );
}

#[test]
fn nobody_sets_the_status_that_a_deletion_gives() {
    assert!(served(TenantStatus::Active).is_ok() && served(TenantStatus::Suspended).is_ok());
    let refused = served(TenantStatus::Deleting);
    assert!(matches!(refused, Err(TenantError::InvalidStatus)));
}
