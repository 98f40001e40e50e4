//! Linked enterprises that nobody but the applicant says to be linked, and what following them takes.

use std::sync::Arc;

use super::*;
use crate::fault::FaultyStore;

/// What an organisation that declared the sister as linked, and one that nobody knows, says of its size.
fn linked_to_a_stranger() -> serde_json::Value {
    let draft = finnish_with_linked();
    json!({ "size": null, "founded_on": null, "size_facts": draft.size_facts })
}

/// Who applies reads the decision again, and so does whoever may see the application.
#[tokio::test]
async fn who_applies_with_a_stranger_as_linked_learns_nothing_of_them_and_is_held_to_the_whole() {
    let mut case = Case::new().await;
    let stranger = case.broker.caller(principal("stranger")).await.unwrap();
    let sister = linked_organisation();
    let sister = case.broker.register_organisation(&stranger, &sister).await;
    let change = broker_store::Change {
        writes: vec![aid_record(&sister.unwrap(), 299_000)],
        entries: Vec::new(),
    };
    case.broker.store().commit(change).await.unwrap();
    let organisation = case.finnish_as(linked_to_a_stranger()).await;
    let waits = case.asks(&organisation, Some(aid(0, Some(1001)))).await;
    let waits = waits.unwrap();
    let told = { case.broker.replay_decision(&case.founder, waits.found) }.await;
    let told: serde_json::Value = serde_json::from_str(told.unwrap().document.get()).unwrap();
    assert_eq!(
        told["question"]["aid"],
        json!({ "asked_eur": 1001, "granted_eur_three_years": 0 })
    );

    let rule = async |worth| {
        let draft = grant_at_lumi(Some(worth), None);
        case.broker.rule(&case.reviewer, waits.id, &draft).await
    };
    let Err(Error::Invalid(_, faults)) = rule(1001).await else {
        panic!("the whole undertaking has had too much");
    };
    assert_eq!(faults[0].field, "grant.worth_eur");
    assert!(faults[0].reason.contains("300001 EUR"), "{faults:?}");
    let register = case.broker.aid_of(&case.founder, organisation.id).await;
    assert!(register.unwrap().is_empty());

    rule(1000).await.unwrap();
    let stored = case.broker.store().decisions_after(None, 100).await;
    let stored = stored.unwrap();
    assert_eq!(stored.len(), 2, "of the first ruling nothing is kept");
    for one in stored {
        assert!(!one.document.contains("299000"), "{}", one.document);
    }
}

fn pic(number: u32) -> String {
    (900_000_000 + number).to_string()
}

/// A small company with a number of its own, and linked with whoever has these.
fn linked_with(own: u32, numbers: impl Iterator<Item = u32>) -> OrganisationDraft {
    let mut facts = finnish_with_linked().size_facts.unwrap();
    let figures = facts["linked"][0]["periods"].clone();
    let linked = numbers.map(
        |it| json!({ "name": "Linked", "identifiers": { "pic": pic(it) }, "periods": figures }),
    );
    facts["linked"] = linked.collect();
    let mut draft = json!(OrganisationDraft {
        size_facts: Some(facts),
        ..finnish_with_linked()
    });
    draft["startup"] = json!(false);
    draft["identifiers"] = json!({ "pic": pic(own) });
    serde_json::from_value(draft).unwrap()
}

/// Asks what it counts, over a store that counts what it is asked.
struct Counting {
    store: Arc<FaultyStore>,
    broker: Broker,
    /// Has the database of the store.
    _world: World,
}

impl Counting {
    async fn new() -> Self {
        let world = World::sqlite().await;
        let store = Arc::new(FaultyStore::over(world.store().await));
        Self {
            broker: world.broker_over(store.clone()),
            store,
            _world: world,
        }
    }

    async fn registered(&self, draft: &OrganisationDraft) -> Organisation {
        let caller = self.broker.caller(principal("founder")).await.unwrap();
        let made = self.broker.register_organisation(&caller, draft).await;
        made.unwrap()
    }

    async fn reads_of_routes(&self, of: &Organisation) -> u64 {
        let caller = self.broker.caller(principal("founder")).await.unwrap();
        let query = json!({ "organisation_id": of.id, "project": { "sectors": [] } });
        let query: RouteQuery = serde_json::from_value(query).unwrap();
        let before = self.store.reads();
        self.broker
            .find_routes(&caller, (query, "en"))
            .await
            .unwrap();
        self.store.reads() - before
    }
}

#[tokio::test]
async fn linked_enterprises_are_looked_up_only_of_who_may_get_aid_and_no_number_twice() {
    let counting = Counting::new().await;
    let mut reads = Vec::new();
    for (own, kind, numbers) in [
        (1, "company", vec![]),
        (2, "company", vec![50]),
        (3, "company", vec![50; 40]),
        (4, "research", (50..90).collect()),
    ] {
        let mut draft = linked_with(own, numbers.into_iter());
        draft.kind = serde_json::from_value(json!(kind)).unwrap();
        let made = counting.registered(&draft).await;
        reads.push(counting.reads_of_routes(&made).await);
    }
    let [none, one, repeated, research] = reads[..] else {
        panic!("four were asked");
    };
    assert_eq!((one, repeated), (none + 1, one));
    assert!(research < none, "{research} and {none}");
}

#[tokio::test]
async fn no_more_than_a_thousand_numbers_of_linked_enterprises_are_looked_up() {
    let counting = Counting::new().await;
    for own in 1..=6 {
        let numbers = own * 1000..own * 1000 + 200;
        counting.registered(&linked_with(own, numbers)).await;
    }
    let all = linked_with(7, 1..=6);
    let all = counting.registered(&all).await;
    let caller = counting.broker.caller(principal("founder")).await.unwrap();
    let before = counting.store.reads();
    let whole = counting.broker.undertaking(&caller, all.id).await.unwrap();
    let reads = counting.store.reads() - before;
    assert_eq!(whole.members.len(), 7);
    assert_eq!(whole.not_counted, ["Linked"]);
    assert!((1000..1050).contains(&reads), "{reads}");
}
