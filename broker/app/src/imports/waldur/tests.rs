use serde_json::{Value, json};

use super::*;

/// The fields as `waldur_api_client/models/resource.py` names and types them; the values are made up.
fn recorded() -> Value {
    json!({
        "offering": "https://waldur.example/api/marketplace-public-offerings/aa11/",
        "offering_name": "LUMI-G",
        "offering_uuid": "0b0c3a2e6a3f4d59a1f4d5b7b8d3c001",
        "offering_type": "Marketplace.Slurm",
        "provider_name": "CSC",
        "plan_unit": "month",
        "attributes": {"name": "ehpc-aif-1"},
        "limits": {"gpu_hours": 5000.0, "storage_tb": 20},
        "uuid": "9f3d2f0c1d7a4c5f8a2e4b6c8d0e1f23",
        "created": "2026-11-02T09:15:30.123456Z",
        "modified": "2026-11-03T09:15:30.123456Z",
        "state": "OK",
        "backend_id": "project_465000001",
        "effective_id": "",
        "project_uuid": "77aa",
        "project_name": "Protein folding",
        "project_end_date": null,
        "customer_uuid": "55bb",
        "customer_name": "Pleione Oy",
        "name": "LUMI allocation",
        "slug": "lumi-1",
        "current_usages": {"gpu_hours": 12.5},
        "end_date": "2027-05-31",
        "downscaled": false,
        "paused": false,
        "order_in_progress": null
    })
}

fn resource(change: impl FnOnce(&mut Value)) -> WaldurResource {
    let mut value = recorded();
    change(&mut value);
    serde_json::from_value(value).unwrap()
}

fn map() -> WaldurMap {
    toml::from_str(
        r#"
        [offerings."0b0c3a2e-6a3f-4d59-a1f4-d5b7b8d3c001"]
        system = "lumi/lumi"
        share = "union"
        unit = "GPU-hour"
        component = "gpu_hours"
        factor = "0.5"
        [customers.55bb]
        country = "FI"
        "#,
    )
    .unwrap()
}

fn line(resource: &WaldurResource) -> ImportLine {
    match line_of(resource, None, &map()).unwrap() {
        Mapped::Line(line) => *line,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_resource_of_a_mapped_offering_is_a_line_as_a_table_has_them() {
    let line = line(&resource(|_| {}));
    assert_eq!(line.place, "resource 9f3d2f0c1d7a4c5f8a2e4b6c8d0e1f23");
    assert_eq!(line.reference, "9f3d2f0c1d7a4c5f8a2e4b6c8d0e1f23");
    assert_eq!((&*line.organisation, &*line.country), ("Pleione Oy", "FI"));
    assert_eq!(
        (&*line.identifier, &*line.project_key),
        ("ext:55bb", "77aa")
    );
    assert_eq!((&*line.system, &*line.share), ("lumi/lumi", "union"));
    assert_eq!((&*line.hours, &*line.unit), ("2500", "GPU-hour"));
    assert_eq!(line.valid_from, "2026-11-02T09:15:30.123456Z");
    assert_eq!(line.valid_to, "2027-05-31");
    assert_eq!(line.local_accounts, "lumi=project_465000001");
    assert_eq!(line.suspended, "no");
}

#[test]
fn the_earlier_of_two_last_days_counts_and_a_paused_resource_is_suspended() {
    let both = line(&resource(|it| {
        it["project_end_date"] = json!("2027-01-31");
        it["paused"] = json!(true);
        it["effective_id"] = json!("acct-7");
    }));
    assert_eq!(both.valid_to, "2027-01-31");
    assert_eq!(both.suspended, "yes");
    assert_eq!(both.local_accounts, "lumi=acct-7");
    let none = line(&resource(|it| it["end_date"] = Value::Null));
    assert_eq!(none.valid_to, "", "the check says that it is no day");
}

#[test]
fn what_waldur_says_of_a_customer_is_taken_where_the_map_says_nothing() {
    let customer: WaldurCustomer =
        serde_json::from_value(json!({"uuid": "55bb", "country": "EE", "vat_code": ""})).unwrap();
    let mut map = map();
    let country = |map: &WaldurMap| match line_of(&resource(|_| {}), Some(&customer), map) {
        Ok(Mapped::Line(line)) => line.country,
        other => panic!("{other:?}"),
    };
    assert_eq!(country(&map), "FI");
    map.customers.clear();
    assert_eq!(country(&map), "EE");
}

#[test]
fn each_state_but_ok_is_dealt_with_by_its_name() {
    for state in ["Terminated", "Terminating"] {
        let over = line_of(&resource(|it| it["state"] = json!(state)), None, &map());
        assert!(matches!(over, Ok(Mapped::Over(it)) if it.words.contains(state)));
    }
    for state in ["Creating", "Updating", "Erred", "Resting"] {
        let passed = line_of(&resource(|it| it["state"] = json!(state)), None, &map());
        let is_passed =
            matches!(&passed, Ok(Mapped::PassedOver { words, .. }) if words.contains(state));
        assert!(is_passed, "{passed:?}");
    }
}

#[test]
fn a_resource_of_an_offering_that_is_not_mapped_is_passed_over_whatever_its_state() {
    let of_other = resource(|it| {
        it["offering_uuid"] = json!("ffff");
        it["state"] = json!("Terminated");
    });
    let Ok(Mapped::PassedOver { words, .. }) = line_of(&of_other, None, &map()) else {
        panic!("it is not mapped");
    };
    assert!(
        words.contains("ffff") && words.contains("LUMI-G"),
        "{words}"
    );
}

#[test]
fn a_limit_that_is_missing_or_no_number_of_hours_is_a_fault_with_what_is_there() {
    let fault = |limits: Value| {
        let resource = resource(|it| it["limits"] = limits);
        line_of(&resource, None, &map()).unwrap_err().to_string()
    };
    let missing = fault(json!({"cpu_k_hours": 3}));
    assert!(
        missing.contains("no limit `gpu_hours`; it has cpu_k_hours"),
        "{missing}"
    );
    assert!(fault(json!(null)).contains("it has none"));
    assert!(fault(json!({"gpu_hours": -1})).contains("is -1"));
    assert!(fault(json!({"gpu_hours": 1e300})).contains('e'));
}

#[test]
fn a_factor_is_text_so_that_it_is_exact() {
    let text = |factor: &str| {
        format!(
            "[offerings.a]\nsystem='lumi/lumi'\nshare='union'\nunit='GPU-hour'\ncomponent='h'\nfactor={factor}"
        )
    };
    assert!(toml::from_str::<WaldurMap>(&text("0.5")).is_err());
    let map: WaldurMap = toml::from_str(&text("'0.25'")).unwrap();
    assert_eq!(map.offerings["a"].factor.to_string(), "0.25");
}
