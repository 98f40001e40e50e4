use super::*;

#[tokio::test]
async fn the_form_asks_a_company_for_its_aid_where_the_hours_are_a_states_and_cost_it_nothing() {
    let small = json!({});
    let unclear = json!({ "size": null, "startup": false });
    let large = json!({ "size": "large", "startup": false });
    let research = json!({ "kind": "research", "size": null, "startup": null });
    let swiss = json!({ "country": "CH" });
    for (otherwise, mode, is_asked) in [
        (&small, "national_lumi", true),
        (&unclear, "national_lumi", true),
        (&large, "national_lumi", false),
        (&research, "national_lumi", false),
        (&swiss, "national_lumi", false),
        (&small, "national_leonardo", false),
        (&small, "aif_playground", false),
        (&small, "pay_per_use_lumi", false),
    ] {
        let mut case = Case::new().await;
        let organisation = case.finnish_as(otherwise.clone()).await;
        let which = (organisation.id, mode, "lumi/lumi");
        let form = { case.broker.application_form(&case.founder, which, "en") }.await;
        let fields = form.unwrap().fields.into_iter();
        let of_aid = fields.filter(|it| it.name.starts_with("aid."));
        let of_aid: Vec<_> = of_aid.map(|it| (it.name, it.optional)).collect();
        let asked = [("aid.received_eur", false), ("aid.worth_eur", true)];
        let asked = asked.map(|(name, optional)| (name.to_owned(), optional));
        let expected = if is_asked { &asked[..] } else { &[] };
        assert_eq!(of_aid, expected, "{mode} {otherwise}");
    }
}

#[tokio::test]
async fn the_form_tells_what_may_be_said_under_the_ai_act_and_none_of_it_has_to_be() {
    let mut case = Case::new().await;
    let organisation = case.finnish().await;
    let which = (organisation.id, "aif_playground", "lumi/lumi");
    let form = { case.broker.application_form(&case.founder, which, "en") }.await;
    let fields = form.unwrap().fields.into_iter();
    let said: Vec<_> = fields
        .filter(|it| it.name.starts_with("project.ai_act."))
        .collect();
    assert!(said.iter().all(|it| it.optional && it.known.is_none()));
    let allowed = |name: &str| {
        let name = format!("project.ai_act.{name}");
        let field = said.iter().find(|it| it.name == name).unwrap();
        field.allowed.clone().unwrap()
    };
    assert!(allowed("prohibited").contains("social_scoring, "));
    assert!(allowed("high_risk").contains("education"));
    assert_eq!(allowed("exclusions"), "research_only, before_market");
    assert_eq!(allowed("gpai"), "true or false");
    assert!(allowed("training_exaflop").contains("10^18"));
    // What it names is what an application is checked for.
    let mut draft = application(&organisation);
    let lists = ["prohibited", "high_risk", "exclusions"].map(|name| {
        let ids = allowed(name);
        let ids: Vec<String> = ids.split(", ").map(str::to_owned).collect();
        (name, ids)
    });
    draft.project.ai_act = serde_json::from_value(json!(
        lists
            .into_iter()
            .collect::<std::collections::BTreeMap<_, _>>()
    ))
    .unwrap();
    let refused = case.broker.apply(&case.founder, &draft).await;
    assert!(matches!(refused, Err(Error::NotEligible(_))), "{refused:?}");
}
