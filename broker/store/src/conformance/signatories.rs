//! Lists of signatories.

use broker_model::{Signatory, SignatoryList};
use jiff::civil::date;

use super::fixtures::{World, commit};
use crate::{Store, StoredSignatoryList, Write};

fn list(world: &World, day: i8, sha256: &str) -> StoredSignatoryList {
    let _later: broker_model::EvidenceId = world.id();
    StoredSignatoryList {
        head: SignatoryList {
            as_of: date(2026, 11, day),
            sha256: sha256.to_owned(),
            source: "a page".to_owned(),
            names: 1,
            imported_at: world.now(),
        },
        signatories: vec![Signatory {
            name: format!("Pléione {sha256}"),
            country: (day > 1).then(|| "FR".to_owned()),
            pledged_on: (day > 1).then(|| date(2024, 9, 25)),
        }],
    }
}

pub async fn lists_of_signatories_are_kept_once_and_the_newest_day_comes_first(store: &dyn Store) {
    let world = World::new();
    let lists = [(2, "aa"), (1, "bb"), (2, "cc")].map(|(day, sha256)| list(&world, day, sha256));
    for it in &lists {
        let write = || Write::PutSignatoryList(Box::new(it.clone()));
        commit(store, vec![write()]).await.unwrap();
        commit(store, vec![write()]).await.unwrap();
    }
    let [first, second, third] = &lists;
    let heads = store.signatory_lists().await.unwrap();
    let expected = [&third.head, &first.head, &second.head];
    assert_eq!(heads.iter().collect::<Vec<_>>(), expected);
    for it in &lists {
        let names = store.signatories_on(&it.head).await.unwrap();
        assert_eq!(names.as_ref(), Some(&it.signatories));
    }
    let unknown = list(&world, 3, "dd").head;
    assert_eq!(store.signatories_on(&unknown).await.unwrap(), None);
}
