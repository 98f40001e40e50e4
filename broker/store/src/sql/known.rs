use std::collections::HashMap;
use std::hash::Hash;

/// A map that remembers what the current change did to it.
#[derive(Debug)]
pub(super) struct Known<K, V> {
    now: HashMap<K, V>,
    undo: Vec<(K, Option<V>)>,
}

impl<K, V> Default for Known<K, V> {
    fn default() -> Self {
        Self {
            now: HashMap::new(),
            undo: Vec::new(),
        }
    }
}

impl<K: Clone + Eq + Hash, V> Known<K, V> {
    pub(super) fn learn(&mut self, key: K, value: V) {
        self.now.insert(key, value);
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.now.get(key)
    }

    pub(super) fn has(&self, key: &K) -> bool {
        self.now.contains_key(key)
    }

    pub(super) fn set(&mut self, key: K, value: V) {
        let before = self.now.insert(key.clone(), value);
        self.undo.push((key, before));
    }

    pub(super) fn keep(&mut self) {
        self.undo.clear();
    }

    pub(super) fn take_back(&mut self) {
        while let Some((key, before)) = self.undo.pop() {
            match before {
                Some(value) => self.now.insert(key, value),
                None => self.now.remove(&key),
            };
        }
    }
}
