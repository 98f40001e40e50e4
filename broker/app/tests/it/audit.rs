use broker_ledger::{Hash, leaf_hash, verify_consistency, verify_inclusion};
use broker_model::OutcomeKind;
use futures::future::{join, join_all};

use crate::agent::Agent;
use crate::books::{Books, audit, export};
use crate::world::{World, at, engineer, principal, sealer, submit};

#[tokio::test(flavor = "multi_thread")]
async fn sealers_in_several_replicas_make_one_tree_while_others_commit() {
    for world in World::each().await {
        let replicas = [world.broker().await, world.broker().await];
        let agent = Agent::of(&world, "lumi");
        agent.show(&replicas[0]).await;
        let mut sizes = Vec::new();
        for _ in 0..5 {
            let commits = join_all((0..8).map(|n| submit(&replicas[n % 2], at(&["lumi"]))));
            let sealers = [sealer(), sealer(), sealer()];
            let seals = sealers
                .iter()
                .enumerate()
                .map(|(n, sealer)| replicas[n % 2].seal_once(sealer));
            let (_, sealed) = join(commits, join_all(seals)).await;
            let size = sealed.into_iter().map(Result::unwrap).max().unwrap();
            sizes.push(size);
        }
        let whole = audit(&replicas[1]).await;
        let books = Books::check(&replicas[0]).await;
        assert_eq!(whole.entries, books.entries.len() as u64);
        sizes.push(whole.size);
        for pair in sizes.windows(2).filter(|pair| pair[0] < pair[1]) {
            let proof = replicas[0].consistency(pair[0], pair[1]).await.unwrap();
            verify_consistency(
                pair[0],
                &proof.from_root,
                pair[1],
                &proof.to_root,
                &proof.proof,
            )
            .unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_holds_what_was_sealed_when_it_began() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    Agent::of(&world, "lumi").show(&broker).await;
    for _ in 0..20 {
        submit(&broker, at(&["lumi"])).await;
    }
    let sealed = broker.seal_once(&sealer()).await.unwrap();
    let appending = async {
        for _ in 0..20 {
            submit(&broker, at(&["lumi"])).await;
            broker.seal_once(&sealer()).await.unwrap();
        }
    };
    let (verified, ()) = join(export(&broker), appending).await;
    assert!(verified.size >= sealed);
    assert_eq!(verified.entries, verified.size);
    assert!(audit(&broker).await.size > verified.size);
}

#[tokio::test]
async fn a_charge_is_proven_to_be_in_the_ledger() {
    let world = World::sqlite().await;
    let broker = world.broker().await;
    let agent = Agent::of(&world, "lumi");
    agent.show(&broker).await;
    let placed = submit(&broker, at(&["lumi"])).await;
    let leased = agent.lease_one(&broker).await;
    agent.start(&broker, leased.attempt).await;
    agent.finish(&broker, &leased, 1).await;
    broker.seal_once(&sealer()).await.unwrap();
    let engineer = engineer(&broker).await;
    let page = broker.entries(&engineer, Some(placed.id), 0, 100).await;
    let charge = page.unwrap().entries.pop().unwrap();
    assert!(charge.text.contains("usage.charged"));
    let proof = broker.inclusion(&engineer, charge.seq, None).await.unwrap();
    let root: Hash = proof.checkpoint.root_hex.parse().unwrap();
    let leaf = leaf_hash(charge.text.as_bytes());
    let size = proof.checkpoint.tree_size;
    verify_inclusion(&leaf, charge.seq, size, &proof.proof, &root).unwrap();

    let stranger = broker.caller(principal("somebody")).await.unwrap();
    assert!(broker.inclusion(&stranger, charge.seq, None).await.is_err());
    let ended = agent.ended(leased.attempt, OutcomeKind::Completed);
    agent.report(&broker, vec![ended]).await;
}
