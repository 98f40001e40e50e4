//! The tree against the definitions of RFC 6962, written down as they stand there, and its vectors.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

type Tiles = BTreeMap<(u8, u64), Vec<u8>>;

fn split(n: usize) -> usize {
    let mut k = 1;
    while k * 2 < n {
        k *= 2;
    }
    k
}

/// MTH of RFC 6962 section 2.1.
fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&naive_root(left), &naive_root(right))
        }
    }
}

/// PATH of section 2.1.1.
fn naive_path(m: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut path, sibling) = if m < k {
        (naive_path(m, left), naive_root(right))
    } else {
        (naive_path(m - k, right), naive_root(left))
    };
    path.push(sibling);
    path
}

/// SUBPROOF of section 2.1.2.
fn naive_subproof(m: usize, leaves: &[Hash], known: bool) -> Vec<Hash> {
    if m == leaves.len() {
        return if known {
            Vec::new()
        } else {
            vec![naive_root(leaves)]
        };
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut proof, sibling) = if m <= k {
        (naive_subproof(m, left, known), naive_root(right))
    } else {
        (naive_subproof(m - k, right, false), naive_root(left))
    };
    proof.push(sibling);
    proof
}

fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
}

fn edge_of(tiles: &Tiles, size: u64) -> PartialTiles {
    let tile = |(level, index)| TileHashes {
        level,
        index,
        hashes: tiles[&(level, index)].clone(),
    };
    PartialTiles(partial_tiles_of(size).into_iter().map(tile).collect())
}

/// Grows a tree in steps, storing what changed as a store would.
fn grown_in_steps(leaves: &[Hash], steps: &[usize]) -> (Tiles, Hash) {
    let mut tiles = Tiles::new();
    let mut root = empty_root();
    let mut done = 0;
    for step in steps.iter().copied().chain([leaves.len()]) {
        let end = (done + step).min(leaves.len());
        let size = u64::try_from(done).unwrap();
        let grown = grow(edge_of(&tiles, size), size, &leaves[done..end]).unwrap();
        assert_eq!(grown.size, u64::try_from(end).unwrap());
        tiles.extend(
            grown
                .tiles
                .into_iter()
                .map(|tile| ((tile.level, tile.index), tile.hashes)),
        );
        root = grown.root;
        done = end;
    }
    (tiles, root)
}

fn rfc_leaves() -> Vec<Hash> {
    [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ]
    .iter()
    .map(|text| leaf_hash(&hex::decode(text).unwrap()))
    .collect()
}

#[test]
fn roots_of_the_certificate_transparency_test_vectors() {
    let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let leaves = rfc_leaves();
    for (size, root) in roots.iter().enumerate() {
        let (_, grown) = grown_in_steps(&leaves[..size], &[]);
        assert_eq!(grown.to_string(), *root, "size {size}");
    }
}

#[test]
fn proofs_of_the_certificate_transparency_test_vectors() {
    let (tiles, _) = grown_in_steps(&rfc_leaves(), &[]);
    let text = |proof: Vec<Hash>| -> Vec<String> {
        proof
            .iter()
            .map(|hash| hash.to_string()[..8].to_owned())
            .collect()
    };
    for (index, size, expected) in [
        (0, 1, &[][..]),
        (0, 8, &["96a296d2", "5f083f0a", "6b47aaf2"]),
        (5, 8, &["bc1a0643", "ca854ea1", "d37ee418"]),
        (2, 3, &["fac54203"]),
        (1, 5, &["6e340b9c", "5f083f0a", "bc1a0643"]),
    ] {
        assert_eq!(text(inclusion(index, size, &tiles).unwrap()), expected);
    }
    for (old, new, expected) in [
        (1, 1, &[][..]),
        (1, 8, &["96a296d2", "5f083f0a", "6b47aaf2"]),
        (6, 8, &["0ebc5d34", "ca854ea1", "d37ee418"]),
        (2, 5, &["5f083f0a", "bc1a0643"]),
    ] {
        assert_eq!(text(consistency(old, new, &tiles).unwrap()), expected);
    }
}

#[test]
fn every_size_to_600_has_the_root_of_the_definition() {
    let leaves = leaves(600);
    let (tiles, _) = grown_in_steps(&leaves, &[]);
    let mut frontier = Frontier::new();
    for size in 0..=600_u64 {
        let expected = naive_root(&leaves[..usize::try_from(size).unwrap()]);
        assert_eq!(root_at(size, &tiles).unwrap(), expected, "size {size}");
        assert_eq!(frontier.root(), expected, "size {size}");
        assert_eq!(Frontier::from_tiles(size, &tiles).as_ref(), Ok(&frontier));
        if let Some(leaf) = leaves.get(usize::try_from(size).unwrap()) {
            frontier.push(*leaf);
        }
    }
}

#[test]
fn inclusion_proofs_to_300_are_those_of_the_definition_and_verify() {
    let leaves = leaves(300);
    let (tiles, _) = grown_in_steps(&leaves, &[]);
    for size in (1..=300_u64).step_by(23).chain([255, 256, 257, 300]) {
        let tree = &leaves[..usize::try_from(size).unwrap()];
        let root = naive_root(tree);
        for index in 0..size {
            let at = usize::try_from(index).unwrap();
            let proof = inclusion(index, size, &tiles).unwrap();
            if index % 5 == 0 {
                assert_eq!(proof, naive_path(at, tree), "{index} of {size}");
            }
            verify_inclusion(&leaves[at], index, size, &proof, &root).unwrap();
        }
    }
}

#[test]
fn consistency_proofs_to_600_are_those_of_the_definition_and_verify() {
    let leaves = leaves(600);
    let (tiles, _) = grown_in_steps(&leaves, &[]);
    let roots: Vec<_> = (0..=600)
        .map(|size| root_at(size, &tiles).unwrap())
        .collect();
    for new in (1..=600_usize).step_by(37).chain([256, 257, 512, 600]) {
        for old in (0..=new).step_by(3).chain([new]) {
            let (m, n) = (u64::try_from(old).unwrap(), u64::try_from(new).unwrap());
            let proof = consistency(m, n, &tiles).unwrap();
            if old > 0 && old % 4 == 0 {
                assert_eq!(proof, naive_subproof(old, &leaves[..new], true));
            }
            verify_consistency(m, &roots[old], n, &roots[new], &proof).unwrap();
        }
    }
}

#[test]
fn five_thousand_leaves_make_tiles_of_three_widths() {
    let leaves = leaves(5000);
    let grown = grow(PartialTiles::default(), 0, &leaves).unwrap();
    let mut widths = BTreeMap::new();
    for tile in &grown.tiles {
        *widths
            .entry((tile.level, tile.hashes.len() / 32))
            .or_insert(0) += 1;
    }
    let expected = BTreeMap::from([((0, 136), 1), ((0, 256), 19), ((1, 19), 1)]);
    assert_eq!(widths, expected);
    assert_eq!(grown.root, naive_root(&leaves));
}

#[test]
fn a_tree_of_three_levels_keeps_its_roots_and_proofs() {
    let leaves = leaves(66_000);
    let (tiles, root) = grown_in_steps(&leaves, &[65_535, 1, 1, 300]);
    assert_eq!(tiles.keys().map(|(level, _)| *level).max(), Some(2));
    assert_eq!(root, naive_root(&leaves));
    for index in [0, 255, 256, 65_535, 65_536, 65_999] {
        let proof = inclusion(index, 66_000, &tiles).unwrap();
        let leaf = &leaves[usize::try_from(index).unwrap()];
        verify_inclusion(leaf, index, 66_000, &proof, &root).unwrap();
    }
    for old in [1, 256, 65_535, 65_536, 65_537] {
        let proof = consistency(old, 66_000, &tiles).unwrap();
        let old_root = root_at(old, &tiles).unwrap();
        verify_consistency(old, &old_root, 66_000, &root, &proof).unwrap();
    }
}

#[test]
fn growing_by_nothing_changes_nothing() {
    let (tiles, root) = grown_in_steps(&leaves(700), &[]);
    let grown = grow(edge_of(&tiles, 700), 700, &[]).unwrap();
    assert_eq!((grown.tiles, grown.size, grown.root), (vec![], 700, root));
}

#[test]
fn growing_on_tiles_of_another_state_is_refused() {
    let (tiles, _) = grown_in_steps(&leaves(700), &[]);
    let more = leaves(1);
    assert_eq!(
        grow(PartialTiles::default(), 700, &more),
        Err(TreeError::TileMissing { level: 0, index: 2 })
    );
    assert!(matches!(
        grow(edge_of(&tiles, 700), 699, &more),
        Err(TreeError::TileWidth { level: 0, .. })
    ));
    assert!(matches!(
        grow(PartialTiles::default(), u64::MAX, &more),
        Err(TreeError::TooLarge { .. })
    ));
}

#[test]
fn questions_beyond_the_tree_are_refused() {
    let tiles = Tiles::new();
    assert!(matches!(
        inclusion(8, 8, &tiles),
        Err(TreeError::IndexBeyondTree { .. })
    ));
    assert!(matches!(
        consistency(9, 8, &tiles),
        Err(TreeError::OldBeyondNew { .. })
    ));
    assert!(matches!(
        inclusion(0, 2, &tiles),
        Err(TreeError::TileMissing { .. })
    ));
    assert_eq!(consistency(0, 8, &tiles), Ok(vec![]));
}

#[test]
fn the_empty_tree_is_the_beginning_of_every_tree_and_only_it() {
    let leaf = leaf_hash(b"x");
    verify_consistency(0, &empty_root(), 1, &leaf, &[]).unwrap();
    assert!(verify_consistency(0, &leaf, 1, &leaf, &[]).is_err());
    assert!(verify_consistency(0, &empty_root(), 1, &leaf, &[leaf]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn growing_in_any_steps_gives_the_same_tiles_and_root(
        size in 0..2000_u64,
        steps in prop::collection::vec(0..400_usize, 0..8),
    ) {
        let leaves = leaves(size);
        let stepped = grown_in_steps(&leaves, &steps);
        prop_assert_eq!(&stepped, &grown_in_steps(&leaves, &[]));
        prop_assert_eq!(stepped.1, naive_root(&leaves));
    }

    #[test]
    fn the_tiles_asked_for_are_enough_and_all_are_read(
        size in 1..3000_u64, at in any::<prop::sample::Index>(),
    ) {
        let (tiles, root) = grown_in_steps(&leaves(size), &[]);
        let index = u64::try_from(at.index(usize::try_from(size).unwrap())).unwrap();
        let needed = tiles_needed_for_inclusion(index, size).unwrap();
        let fetched: Tiles = needed.iter().map(|key| (*key, tiles[key].clone())).collect();
        let proof = inclusion(index, size, &fetched).unwrap();
        verify_inclusion(&leaf_hash(&index.to_be_bytes()), index, size, &proof, &root).unwrap();
        for key in &needed {
            let mut fewer = fetched.clone();
            fewer.remove(key);
            prop_assert!(inclusion(index, size, &fewer).is_err());
        }

        let old = index + 1;
        let needed = tiles_needed_for_consistency(old, size).unwrap();
        let fetched: Tiles = needed.iter().map(|key| (*key, tiles[key].clone())).collect();
        let proof = consistency(old, size, &fetched).unwrap();
        let old_root = root_at(old, &tiles).unwrap();
        verify_consistency(old, &old_root, size, &root, &proof).unwrap();
    }

    #[test]
    fn a_proof_that_was_changed_does_not_verify(
        size in 2..600_u64, at in any::<prop::sample::Index>(), change in any::<prop::sample::Index>(),
        bit in 0..256_usize,
    ) {
        let (tiles, root) = grown_in_steps(&leaves(size), &[]);
        let index = u64::try_from(at.index(usize::try_from(size).unwrap())).unwrap();
        let leaf = leaf_hash(&index.to_be_bytes());
        let proof = inclusion(index, size, &tiles).unwrap();
        let holds = |index, proof: &[Hash]| verify_inclusion(&leaf, index, size, proof, &root).is_ok();
        let mut flipped = proof.clone();
        flipped[change.index(proof.len())].0[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!holds(index, &flipped));
        prop_assert!(!holds(index, &proof[1..]));
        let longer: Vec<_> = proof.iter().copied().chain([root]).collect();
        prop_assert!(!holds(index, &longer));
        prop_assert!(!holds((index + 1) % size, &proof));

        let old = index.max(1);
        let old_root = root_at(old, &tiles).unwrap();
        let proof = consistency(old, size, &tiles).unwrap();
        let holds = |proof: &[Hash]| verify_consistency(old, &old_root, size, &root, proof).is_ok();
        prop_assert!(holds(&proof));
        let mut flipped = proof.clone();
        flipped[change.index(proof.len())].0[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!holds(&flipped));
        prop_assert!(!holds(&proof[1..]));
        let longer: Vec<_> = proof.iter().copied().chain([root]).collect();
        prop_assert!(!holds(&longer));
    }

    #[test]
    fn any_proof_at_all_is_answered_without_a_panic(
        numbers in any::<[u64; 4]>(), hashes in prop::collection::vec(any::<[u8; 32]>(), 0..70),
    ) {
        let proof: Vec<Hash> = hashes.into_iter().map(Hash).collect();
        let [index, size, old, new] = numbers;
        let root = empty_root();
        prop_assert!(verify_inclusion(&root, index, size, &proof, &root).is_err());
        prop_assert!(verify_consistency(old, &root, new, &root, &proof).is_err() || old == new || old == 0);
        for tiles in [tiles_needed_for_inclusion(index, size), tiles_needed_for_consistency(old, new)] {
            prop_assert!(tiles.is_err() || tiles.unwrap().len() < 256);
        }
    }
}
