use broker_model::EntryBody;
use futures::future::join_all;

use super::fixtures::{World, commit};
use crate::{
    Change, CommitError, Entity, EntryRow, SealedBatch, Store, StoredCheckpoint, Tile, Write,
};

fn change(entries: Vec<EntryBody>) -> Change {
    Change {
        writes: Vec::new(),
        entries,
    }
}

pub async fn entries_are_numbered_without_gaps_in_the_order_of_the_commits(store: &dyn Store) {
    let world = World::new();
    let jobs: Vec<_> = (0..150).map(|_| world.job()).collect();
    let submit = |job: &broker_model::Job| {
        store.commit(Change {
            writes: vec![Write::InsertJob(Box::new(job.clone()))],
            entries: (0..3)
                .map(|n| world.entry(Some(job.id)).with("n", n))
                .collect(),
        })
    };
    let receipts = join_all(jobs.iter().map(submit)).await;
    assert_eq!(store.ledger_size().await.unwrap(), 450);
    let all = store.entries(0, 1000).await.unwrap();
    let seqs: Vec<u64> = all.iter().map(|entry| entry.seq).collect();
    assert_eq!(seqs, (0..450).collect::<Vec<u64>>());
    for (job, receipt) in jobs.iter().zip(receipts) {
        let first = receipt.unwrap().first_seq.unwrap();
        let own = store.entries(first, 3).await.unwrap();
        for (n, entry) in own.iter().enumerate() {
            assert_eq!(entry.job, Some(job.id));
            assert_eq!(entry.body().unwrap().data["n"], n);
        }
    }
}

pub async fn entries_of_a_job_are_read_from_a_position(store: &dyn Store) {
    let world = World::new();
    let job = world.id();
    let entries = vec![
        world.entry(None),
        world.entry(Some(job)),
        world.entry(Some(world.id())),
        world.entry(Some(job)),
    ];
    let text = serde_json::to_string(&entries[1]).unwrap();
    let receipt = store.commit(change(entries)).await.unwrap();
    assert_eq!(receipt.first_seq, Some(0));
    let own = store.entries_of(job, None, 10).await.unwrap();
    let expected = EntryRow {
        seq: 1,
        job: Some(job),
        text,
    };
    assert_eq!(own[0], expected);
    assert_eq!(own[1].seq, 3);
    assert_eq!(own.len(), 2);
    let later = store.entries_of(job, Some(1), 10).await.unwrap();
    assert_eq!(later, own[1..]);
    assert_eq!(store.entries_of(job, None, 1).await.unwrap(), own[..1]);
    assert_eq!(store.entries_of(job, Some(3), 10).await.unwrap(), []);
    assert_eq!(store.entries(4, 10).await.unwrap(), []);
}

pub async fn a_refused_change_leaves_no_entry(store: &dyn Store) {
    let world = World::new();
    let job = world.stored_job(store).await;
    let refused = store.commit(Change {
        writes: vec![Write::InsertJob(Box::new(job))],
        entries: vec![world.entry(None)],
    });
    assert!(refused.await.is_err());
    assert_eq!(store.ledger_size().await.unwrap(), 0);
    let next = store.commit(change(vec![world.entry(None)])).await.unwrap();
    assert_eq!(next.first_seq, Some(0));
    let silent = commit(store, Vec::new()).await.unwrap();
    assert_eq!(silent.first_seq, None);
}

pub async fn sealing_goes_on_from_the_last_checkpoint_only(store: &dyn Store) {
    let world = World::new();
    let entries = (0..3).map(|_| world.entry(None)).collect();
    store.commit(change(entries)).await.unwrap();
    assert_eq!(store.latest_checkpoint().await.unwrap(), None);
    let batch = |from_size, tree_size| SealedBatch {
        from_size,
        tiles: vec![Tile {
            level: 0,
            index: 0,
            hashes: vec![7; 32 * usize::try_from(tree_size).unwrap()],
        }],
        checkpoint: StoredCheckpoint {
            tree_size,
            root_hex: "ab".to_owned(),
            note: format!("alcyone\n{tree_size}\n\n— key sig\n"),
            created_at: world.now(),
        },
    };
    let (one, other) = futures::join!(store.seal(batch(0, 2)), store.seal(batch(0, 2)));
    assert_ne!(one.is_ok(), other.is_ok());
    // From a size that is not the last, not forward, and beyond what is committed.
    for (from, to) in [(1, 3), (2, 2), (2, 4)] {
        let refused = store.seal(batch(from, to)).await;
        assert!(matches!(
            refused,
            Err(CommitError::Conflict(Entity::Checkpoint))
        ));
    }
    store.seal(batch(2, 3)).await.unwrap();
    let expected = Some(batch(2, 3).checkpoint);
    assert_eq!(store.latest_checkpoint().await.unwrap(), expected);
    let earlier = store.checkpoint_at(2).await.unwrap();
    assert_eq!(earlier, Some(batch(0, 2).checkpoint));
    assert_eq!(store.checkpoint_at(1).await.unwrap(), None);
    let tile = store.find_tile(0, 0).await.unwrap();
    assert_eq!(tile.as_ref(), batch(2, 3).tiles.first());
    assert_eq!(store.find_tile(1, 0).await.unwrap(), None);
}
